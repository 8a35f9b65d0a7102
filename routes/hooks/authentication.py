"""Who calls: one function for every transport."""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache, wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import jwt
import structlog
from flask import Flask, g, request
from flask_jwt_extended import JWTManager, create_access_token

from services.domain.errors.outages import Unavailable
from services.domain.errors.requests import ODD_INPUT, Unauthorized
from services.domain.users import Caller, Role, User, VerifiedToken

Params = ParamSpec("Params")
Result = TypeVar("Result")

ALGORITHM = "HS256"
PARTY = "charla"
"""Issuer and audience of our tokens: made by this server, for this server."""

SECURITY_SCHEME = "bearerAuth"
CLAIMS = ("sub", "exp", "iat", "iss", "aud", "tenant_id", "role", "login")


EXPIRED = "The access token has expired; refresh it."

VERIFIED_TOKENS = 4096
"""How many valid tokens are remembered: checking a signature is 7 % of the cost of a request."""

TRUST_SECONDS = 60
"""After so long a remembered token is checked again: its issuer may have withdrawn the key."""


class ExternalTokens(Protocol):
    """Tokens of another issuer, whose users may call as well."""

    @property
    def issuer(self) -> str:
        """Give the `iss` of these tokens."""

    def verify(self, token: str) -> VerifiedToken:
        """Give the caller of a token, or raise Unauthorized."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What makes an access token; a token that was found valid is trusted for `trust_seconds`."""

    secret: str
    lifetime_seconds: float
    leeway_seconds: float
    trust_seconds: float = TRUST_SECONDS


class Guard:
    """Makes access tokens and turns them back into callers.

    `is_live` tells whether a login is still valid, so that a logout ends its access tokens at once.
    Tokens of `external` count as ours do, until they expire.
    """

    def __init__(
        self,
        app: Flask,
        rules: TokenRules,
        is_live: Callable[[str], bool],
        external: ExternalTokens | None = None,
    ) -> None:
        """Configure flask-jwt-extended on the app."""
        app.config.update(
            JWT_SECRET_KEY=rules.secret,
            JWT_ALGORITHM=ALGORITHM,
            JWT_ENCODE_NBF=False,  # as with `iat`: see `_claims_of`
            JWT_ENCODE_ISSUER=PARTY,
            JWT_ENCODE_AUDIENCE=PARTY,
            JWT_COOKIE_CSRF_PROTECT=False,  # no cookies here, so no claim for them
            JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=rules.lifetime_seconds),
        )
        JWTManager(app)
        self.lifetime_seconds = rules.lifetime_seconds
        self._secret = rules.secret
        self._leeway_seconds = rules.leeway_seconds
        self._trust_seconds = rules.trust_seconds
        self._login_is_live = is_live
        self._external = external
        self._verified = lru_cache(maxsize=VERIFIED_TOKENS)(self._verify)

    def issue(self, user: User, login_id: str) -> str:
        """Make an access token of a login."""
        claims = {"tenant_id": user.tenant_id, "role": str(user.role), "login": login_id}
        return cast("str", create_access_token(user.id, additional_claims=claims))

    def authenticate(self, token: str) -> Caller:
        """Turn a token of any transport into a caller, or raise Unauthorized."""
        verified = self._verified(token, int(time.monotonic() // self._trust_seconds))
        if time.time() >= verified.good_until:
            raise Unauthorized(EXPIRED)
        if not self._is_live(verified.caller):
            raise Unauthorized("The login has ended; log in again.")
        return verified.caller

    def _is_live(self, caller: Caller) -> bool:
        return caller.external is not None or self._login_is_live(caller.login_id)

    def _verify(self, token: str, _period: int) -> VerifiedToken:
        """Check a token's signature and claims.

        The token's claim of an issuer only chooses which rules judge it: ours or the other
        issuer's.
        """
        external = self._external
        if external is not None and _issuer_claimed(token) == external.issuer:
            return external.verify(token)
        claims = _claims_of(token, self._secret, self._leeway_seconds)
        return VerifiedToken(_caller_of(claims), claims["exp"] + self._leeway_seconds)

    def may_go_on(self, caller: Caller) -> Callable[[], bool]:
        """Give what tells, for a long stream, whether its caller's login is still valid.

        A store that is away ends no stream.
        """

        def is_live() -> bool:
            try:
                return self._is_live(caller)
            except Unavailable:
                return True

        return is_live

    def required(self, handler: Callable[Params, Result]) -> Callable[Params, Result]:
        """Let only authenticated requests through; `current_caller` then gives the caller.

        It stands directly under the route, so that nothing in a stranger's request is parsed.
        """

        @wraps(handler)
        def guarded(*args: Params.args, **kwargs: Params.kwargs) -> Result:
            caller = self.authenticate(bearer_token())
            g.caller = replace(caller, address=request.remote_addr or "")
            structlog.contextvars.bind_contextvars(user_id=caller.user_id)
            return handler(*args, **kwargs)

        _document(guarded)
        return guarded


def current_caller() -> Caller:
    """Give the caller of the present request, which passed `Guard.required`."""
    return cast("Caller", g.caller)


def bearer_token() -> str:
    """Give the token of the present request, or raise Unauthorized where there is none."""
    header = request.headers.get("Authorization", "")
    scheme, _, token = header.partition(" ")
    if not header:
        raise Unauthorized("Send an access token: Authorization: Bearer <token>.")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("The Authorization header must be: Bearer <token>.")
    return token.strip()


def _issuer_claimed(token: str) -> object:
    try:
        return jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, *ODD_INPUT):
        return None


def _claims_of(token: str, secret: str, leeway_seconds: float) -> dict[str, Any]:
    """Check the signature and the claims of a token of ours.

    When it was made is not judged: it would count no more after this server's clock was set back.
    """
    try:
        return jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            audience=PARTY,
            issuer=PARTY,
            leeway=leeway_seconds,
            options={"verify_iat": False},
        )
    except jwt.ExpiredSignatureError as exc:
        raise Unauthorized(EXPIRED) from exc
    except (jwt.PyJWTError, *ODD_INPUT) as exc:
        raise Unauthorized("The access token is not valid.") from exc


def _caller_of(claims: dict[str, Any]) -> Caller:
    if claims.get("type") != "access" or any(not claims.get(name) for name in CLAIMS):
        raise Unauthorized("The access token lacks what every token of this server has.")
    texts = [claims[name] for name in ("sub", "tenant_id", "role", "login")]
    if not all(isinstance(text, str) for text in texts) or claims["role"] not in set(Role):
        raise Unauthorized("The access token holds what no token of this server holds.")
    return Caller(
        user_id=claims["sub"],
        tenant_id=claims["tenant_id"],
        role=Role(claims["role"]),
        login_id=claims["login"],
    )


def _document(handler: Callable[..., object]) -> None:
    """Note for OpenAPI that the handler needs a token, and which problems that may cause."""
    info = deepcopy(getattr(handler, "_apidoc", {}))
    info.setdefault("manual_doc", {})["security"] = [{SECURITY_SCHEME: []}]
    responses = info.setdefault("response", {}).setdefault("responses", {})
    responses.setdefault(401, []).append("UNAUTHORIZED")
    responses.setdefault(503, []).append("SERVICE_UNAVAILABLE")  # if the store is away
    handler._apidoc = info  # type: ignore[attr-defined]  # noqa: SLF001 - where flask-smorest looks
