"""The application factory, and `python app.py`, which checks the settings and starts the server."""

import os
import sys
from pathlib import Path

from flask import Flask

from controllers.auth import AuthController
from controllers.chat import ChatController
from controllers.health import HealthController
from controllers.providers import Protection, ProvidersController
from controllers.readers import Readers
from controllers.runs import RunParts, RunsController, TurnDefaults
from controllers.sessions import SessionsController
from routes import openapi, url_map
from routes.hooks import access_log, cors, headers, problems, proxies, request_id
from routes.hooks.authentication import Guard, TokenRules
from routes.hooks.limits import LimitRules, Limits
from routes.hooks.turns import TurnReader
from services.bootstrap.worker import build_services
from services.commands import cli as commands
from services.commands.refusals import told_in_a_shell
from services.domain.catalog import ModelChoice, Strategy
from services.preflight.address import check_address
from services.preflight.names import checked_settings
from services.preflight.neighbours import prepare, server_lock
from services.preflight.refusal import CannotStart
from services.runs.leases.lock import DataDirTaken
from services.runs.living.run import RunTimes
from services.settings.load import load_settings
from services.settings.whole import InvalidSettings, Settings
from services.telemetry import logs
from services.worker.services import Services

VERSION = "0.1.0"
EXIT_REFUSED = 2


@told_in_a_shell
def create_app(settings: Settings | None = None) -> Flask:
    """Build the application: settings -> services -> controllers -> routes.

    `app.extensions["charla"]` are the services; `start()` on them makes this process the worker.
    """
    settings = settings or load_settings()
    logs.configure(settings.logs.level, settings.logs.format or "json")
    return serve(build_services(settings))


def serve(services: Services) -> Flask:
    """Build the application over services that are there: controllers, then routes."""
    settings = services.settings
    app = Flask(__name__, static_folder=None)
    app.extensions["charla"] = services
    app.config["MAX_CONTENT_LENGTH"] = settings.limits.max_body_bytes
    _install_hooks(app, services)
    edges = _edges(app, services)
    url_map.register(
        app, openapi.install(app, VERSION), _controllers(services, edges.limits), edges
    )
    commands.register(app.cli)
    return app


def _install_hooks(app: Flask, services: Services) -> None:
    """Install what surrounds every request; what is installed first acts last on the response."""
    server = services.settings.server
    problems.install(app)
    headers.install(app)
    request_id.install(app)
    access_log.install(app, services.metrics.request)
    cors.install(app, server.cors_origins or ())
    proxies.install(app, server.trusted_proxies)


def _edges(app: Flask, services: Services) -> url_map.Edges:
    limits, accounts = services.settings.limits, services.settings.accounts
    tokens = TokenRules(
        secret=accounts.jwt_secret_key,
        lifetime_seconds=accounts.access_token_seconds,
        leeway_seconds=accounts.jwt_leeway_seconds,
    )
    rules = LimitRules(
        enabled=limits.enabled, ai=limits.ai, login=limits.login, register=limits.register
    )
    return url_map.Edges(
        guard=Guard(app, tokens, services.logins.is_live, services.supabase_tokens),
        limits=Limits(app, rules, services.windows),
        turns=TurnReader(limits.max_content_chars),
        send_timeout_seconds=services.settings.runs.send_timeout_seconds,
        render_metrics=services.metrics.render,
        metrics_type=services.metrics.content_type,
    )


def _controllers(services: Services, limits: Limits) -> url_map.Controllers:
    runs = _runs_controller(services, limits)
    sessions = SessionsController(services.store, services.offers, runs)
    states = dict.fromkeys(services.providers, "configured")
    return url_map.Controllers(
        auth=AuthController(services.accounts, services.logins),
        sessions=sessions,
        runs=runs,
        chat=ChatController(sessions, runs),
        providers=_providers_controller(services),
        health=HealthController(
            services.store,
            lambda: services.drain.is_draining,
            lambda: services.log.is_degraded,
            lambda: states,
        ),
    )


def _providers_controller(services: Services) -> ProvidersController:
    traffic = services.traffic
    protection = Protection(
        breakers=traffic.breakers, quotas=traffic.quotas, waiting=traffic.queue.waiting
    )
    return ProvidersController(
        services.offers,
        services.providers,
        protection,
        Strategy(services.settings.routing.default_strategy),
        lambda: traffic.router.choose(ModelChoice(), None).likely,
    )


def _runs_controller(services: Services, limits: Limits) -> RunsController:
    settings = services.settings
    defaults = TurnDefaults(
        temperature=settings.providers.default_temperature,
        max_tokens=settings.providers.default_max_tokens,
        context_messages=settings.providers.context_messages,
        max_active_runs=settings.limits.max_active_runs_per_user
        if settings.limits.enabled
        else None,
        times=RunTimes(
            first_token=settings.providers.first_token_seconds,
            content=settings.providers.content_timeout_seconds,
            run=settings.runs.run_timeout_seconds,
        ),
    )
    parts = RunParts(
        store=services.store.runs,
        log=services.log,
        runner=services.runner,
        drain=services.drain,
        providers=services.providers,
        router=services.traffic.router,
        queue=services.traffic.queue,
        defaults=defaults,
        worker_id=services.worker_id,
    )
    readers = Readers(services.store.runs, services.log, services.followers)
    return RunsController(parts, readers, limits.ai)


def main() -> None:
    """Check what can be checked before, then become gunicorn; exit code 2 for what is wrong.

    Works in the project's folder, so that `DATA_DIR` and `.env` are the same from anywhere.
    """
    home = Path(__file__).resolve().parent
    os.chdir(home)
    try:
        settings = checked_settings()
        with server_lock(settings):
            prepare(settings)
            check_address(settings.server)
    except (InvalidSettings, DataDirTaken, CannotStart) as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(EXIT_REFUSED)
    config = str(home / "gunicorn.conf.py")
    arguments = [sys.executable, "-m", "gunicorn", "--config", config, "wsgi:app"]
    os.execv(sys.executable, arguments)  # noqa: S606 - no shell, and nothing of a user's in it


if __name__ == "__main__":
    main()
