"""Every URL prefix, on one screen."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask

from controllers.auth import AuthController
from controllers.chat import ChatController
from controllers.health import HealthController
from controllers.providers import ProvidersController
from controllers.runs import RunsController
from controllers.sessions import SessionsController
from routes import auth, chat, docs, health, messages, providers, runs, sessions, web
from routes.hooks.authentication import Guard
from routes.hooks.limits import Limits
from routes.hooks.turns import TurnReader
from routes.openapi import Api


@dataclass(frozen=True, slots=True, kw_only=True)
class Controllers:
    """All use cases."""

    auth: AuthController
    sessions: SessionsController
    runs: RunsController
    chat: ChatController
    providers: ProvidersController
    health: HealthController


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """What handlers need of HTTP itself."""

    guard: Guard
    limits: Limits
    turns: TurnReader
    send_timeout_seconds: float
    render_metrics: Callable[[], bytes]
    metrics_type: str


def register(app: Flask, api: Api, use: Controllers, edges: Edges) -> None:
    """Mount everything; what the Api mounts is in the OpenAPI document."""
    guard, turns = edges.guard, edges.turns
    realtime = "/api/chat/realtime"
    mounted = (
        (health.blueprint(use.health, edges.render_metrics, edges.metrics_type), "/"),
        (auth.blueprint(use.auth, guard, edges.limits), "/api/auth"),
        (providers.blueprint(use.providers, guard, turns), "/api"),
        (chat.blueprint(use.chat, use.runs, guard, turns), "/api"),
        (sessions.blueprint(use.sessions, guard, turns), realtime),
        (messages.blueprint(use.sessions, guard), realtime),
        (runs.blueprint(use.runs, guard, turns, edges.send_timeout_seconds), realtime),
    )
    for blueprint, prefix in mounted:
        api.register_blueprint(blueprint, url_prefix=prefix)
    app.register_blueprint(docs.blueprint(), url_prefix="/api/docs")
    app.register_blueprint(web.blueprint())
