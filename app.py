"""The application factory, and `python app.py`, which checks the settings and starts the server."""

from contextlib import suppress
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from controllers import bundle
from routes import edges, url_map
from routes.hooks.authentication import TokenRules
from routes.hooks.limits import LimitRules
from routes.hooks.monitoring import Monitoring
from routes.openapi import api
from routes.transports.sse import StreamTimes
from services.bootstrap.worker import build_services
from services.commands import cli as commands
from services.commands.refusals import Refused, errors_as_refusals
from services.domain.callers.proxies import TrustedProxies
from services.preflight.start import start
from services.settings.load import load_settings
from services.settings.whole import Settings
from services.telemetry import logs
from services.worker.services import Services

VERSION = "0.1.0"


@errors_as_refusals
def create_app(settings: Settings | None = None) -> Flask:
    """Build the application: settings -> services -> controllers -> routes.

    `app.extensions["charla"]` holds the services; `services.worker.life.start` makes this process
    the worker.
    """
    if settings is None and commands.are_looked_up():
        return _shell()
    settings = settings or load_settings()
    logs.configure(settings.logs.level, settings.logs.format or "json")
    return serve(build_services(settings))


def serve(services: Services) -> Flask:
    """Build the application over existing services: controllers, then routes."""
    app = Flask(__name__, static_folder=None)
    app.debug = False  # a shell's FLASK_DEBUG is meant for another application
    app.extensions["charla"] = services
    installed = edges.install(app, _rules(services.settings), _worker(services))
    url_map.register(app, api.install(app, VERSION), bundle.build(services), installed)
    commands.register(app.cli)
    return app


@errors_as_refusals
def _whole() -> Flask:
    return create_app(load_settings())


class _Late(AppGroup):
    """Our commands, which open what they need; the application is built for any other command."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command; one of the application is given the application as the current one."""
        if own := super().get_command(ctx, cmd_name):
            return own
        app = _whole()
        ctx.with_resource(app.app_context())
        return app.cli.get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List our commands, and those of the application, if it can be built."""
        names = set(super().list_commands(ctx))
        with suppress(Refused):
            names |= set(_whole().cli.commands)
        return sorted(names)


def _shell() -> Flask:
    """Give an application that has nothing but commands."""
    shell = Flask(__name__, static_folder=None)
    shell.cli = _Late()
    commands.register(shell.cli)
    return shell


def _rules(settings: Settings) -> edges.EdgeRules:
    limits, accounts = settings.limits, settings.accounts
    return edges.EdgeRules(
        tokens=TokenRules(
            secret=accounts.jwt_secret_key,
            lifetime_seconds=accounts.access_token_seconds,
            leeway_seconds=accounts.jwt_leeway_seconds,
        ),
        limits=LimitRules(
            enabled=limits.enabled,
            login=limits.login,
            register=limits.register,
            refresh=limits.refresh,
        ),
        cors_origins=settings.server.cors_origins or (),
        trusted_proxies=TrustedProxies.parse(settings.server.trusted_proxies),
        monitoring=Monitoring(
            settings.server.metrics_token, is_open=not settings.server.is_production
        ),
        max_body_bytes=limits.max_body_bytes,
        max_content_chars=limits.max_content_chars,
        streams=StreamTimes(
            reconnect_seconds=settings.runs.reconnect_seconds,
            json_keepalive_seconds=settings.connections.json_keepalive_seconds,
        ),
    )


def _worker(services: Services) -> edges.Worker:
    metrics = services.metrics
    return edges.Worker(
        login_is_live=services.identity.logins.is_live,
        external_tokens=services.identity.supabase_tokens,
        windows=services.counters.windows,
        count_request=metrics.request,
        render_metrics=metrics.render,
        metrics_type=metrics.content_type,
    )


if __name__ == "__main__":
    start(Path(__file__).resolve().parent)
