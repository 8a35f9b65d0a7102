"""The application factory, and `python app.py`, which checks the settings and starts the server."""

from pathlib import Path

from flask import Flask

from controllers import bundle
from routes import edges, url_map
from routes.hooks.authentication import TokenRules
from routes.hooks.limits import LimitRules
from routes.openapi import api
from routes.transports.sse import StreamTimes
from services.bootstrap.worker import build_services
from services.commands import cli as commands
from services.commands.refusals import errors_as_refusals
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
    settings = settings or load_settings()
    logs.configure(settings.logs.level, settings.logs.format or "json")
    return serve(build_services(settings))


def serve(services: Services) -> Flask:
    """Build the application over existing services: controllers, then routes."""
    app = Flask(__name__, static_folder=None)
    app.extensions["charla"] = services
    installed = edges.install(app, _rules(services.settings), _worker(services))
    url_map.register(app, api.install(app, VERSION), bundle.build(services), installed)
    commands.register(app.cli)
    return app


def _rules(settings: Settings) -> edges.EdgeRules:
    limits, accounts = settings.limits, settings.accounts
    return edges.EdgeRules(
        tokens=TokenRules(
            secret=accounts.jwt_secret_key,
            lifetime_seconds=accounts.access_token_seconds,
            leeway_seconds=accounts.jwt_leeway_seconds,
        ),
        limits=LimitRules(enabled=limits.enabled, login=limits.login, register=limits.register),
        cors_origins=settings.server.cors_origins or (),
        trusted_proxies=settings.server.trusted_proxies,
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
