"""What surrounds all blueprints: who calls, what limits an address, what every answer has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask

from routes.bodies import sizes
from routes.hooks import access_log, cors, headers, problems, proxies, request_id
from routes.hooks.authentication import ExternalTokens, Guard, TokenRules
from routes.hooks.limits import AddressLimits, LimitRules
from routes.hooks.monitoring import Monitoring
from routes.hooks.turns import TurnReader
from routes.transports.connections.refusals import Refusals
from routes.transports.sse import StreamTimes
from services.domain.callers.proxies import TrustedProxies
from services.domain.limits import Windows


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRules:
    """The settings of what surrounds a request."""

    tokens: TokenRules
    limits: LimitRules
    cors_origins: Sequence[str]
    trusted_proxies: TrustedProxies
    monitoring: Monitoring
    max_body_bytes: int
    max_content_chars: int
    streams: StreamTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What the worker provides to requests: logins, limits and figures."""

    login_is_live: Callable[[str], bool]
    external_tokens: ExternalTokens | None
    windows: Windows
    count_request: access_log.Count
    render_metrics: Callable[[], bytes]
    metrics_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """What handlers need from the layer of HTTP."""

    guard: Guard
    limits: AddressLimits
    turns: TurnReader
    streams: StreamTimes
    monitoring: Monitoring
    render_metrics: Callable[[], bytes]
    metrics_type: str


def install(app: Flask, rules: EdgeRules, worker: Worker) -> Edges:
    """Install what surrounds every request; what is installed first handles the response last."""
    problems.install(app)
    headers.install(app)
    request_id.install(app)
    access_log.install(app, worker.count_request)
    sizes.install(app, rules.max_body_bytes)
    cors.install(app, rules.cors_origins)
    proxies.install(app, rules.trusted_proxies)
    app.extensions["charla_refusals"] = Refusals(worker.count_request)
    return Edges(
        guard=Guard(app, rules.tokens, worker.login_is_live, worker.external_tokens),
        limits=AddressLimits(app, rules.limits, worker.windows),
        turns=TurnReader(rules.max_content_chars, rules.max_body_bytes),
        streams=rules.streams,
        monitoring=rules.monitoring,
        render_metrics=worker.render_metrics,
        metrics_type=worker.metrics_type,
    )
