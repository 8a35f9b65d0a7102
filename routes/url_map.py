"""Every URL prefix, on one screen."""

from flask import Flask

from controllers.bundle import Controllers
from routes import auth, chat, docs, health, messages, providers, runs, sessions, web
from routes.edges import Edges
from routes.openapi.api import Api


def register(app: Flask, api: Api, use: Controllers, edges: Edges) -> None:
    """Mount everything; what the Api mounts is in the OpenAPI document."""
    guard, turns = edges.guard, edges.turns
    realtime = "/api/chat/realtime"
    watched = health.blueprint(
        use.health, edges.monitoring, edges.render_metrics, edges.metrics_type
    )
    mounted = (
        (watched, "/"),
        (auth.blueprint(use.auth, use.registration, guard, edges.limits), "/api/auth"),
        (providers.blueprint(use.providers, guard, turns), "/api"),
        (chat.blueprint(use.chat, use.runs, guard, turns, edges.streams), "/api"),
        (sessions.blueprint(use.sessions, guard, turns), realtime),
        (messages.blueprint(use.sessions, guard), realtime),
        (runs.blueprint(use.runs, guard, turns, edges.streams), realtime),
    )
    for blueprint, prefix in mounted:
        api.register_blueprint(blueprint, url_prefix=prefix)
    app.register_blueprint(docs.blueprint(), url_prefix="/api/docs")
    app.register_blueprint(web.blueprint())
