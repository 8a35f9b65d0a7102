"""Access tokens of Supabase Auth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import jwt

from services.domain.errors.requests import ODD_INPUT, Unauthorized
from services.domain.users import Caller, ExternalUser, Role, VerifiedToken
from services.identity.key_set import ALGORITHMS, KeySet
from services.stores.base.ids import is_uuid

ISSUER_PATH = "/auth/v1"
KEYS_PATH = f"{ISSUER_PATH}/.well-known/jwks.json"
AUDIENCE = "authenticated"
USER_ROLE = "authenticated"
"""`anon` and `service_role` are the project's keys: signed alike, but they belong to no user."""

SECRET_ALGORITHM = "HS256"  # noqa: S105 - an algorithm's name
NEEDED = ("exp", "sub", "aud", "iss")
MANAGER = "Supabase Auth"


@dataclass(frozen=True, slots=True, kw_only=True)
class SupabaseRules:
    """What makes a token valid for a project; `url` has no slash at its end.

    Without `secret` no HS256 token is accepted. `issuer` is what tokens name as theirs where that
    is another address than `url`: a project of one's own has a public one.
    """

    url: str
    secret: str | None
    leeway_seconds: float
    issuer: str | None = None
    takes_anonymous: bool = False


class SupabaseTokens:
    """Turns access tokens of one project's users into callers.

    A token is valid until it expires, as Supabase's logins are not known here. The tenant is the
    installation's own, whatever a token says.
    """

    def __init__(self, rules: SupabaseRules, keys: KeySet, tenant_id: Callable[[], str]) -> None:
        """Check asymmetric signatures with `keys`; `tenant_id` is called once."""
        self.issuer = rules.issuer or rules.url + ISSUER_PATH
        self._rules = rules
        self._keys = keys
        self._ask_tenant_id = tenant_id
        self._tenant_id: str | None = None

    @classmethod
    def of(
        cls, rules: SupabaseRules, tenant_id: Callable[[], str], on_read: Callable[[bool], None]
    ) -> Self:
        """Check with the project's own keys; `on_read` is told whether each reading succeeded."""
        return cls(rules, KeySet(rules.url + KEYS_PATH, on_read=on_read), tenant_id)

    def verify(self, token: str) -> VerifiedToken:
        """Judge a token.

        Raises Unauthorized, and Unavailable where the token cannot be checked now.
        """
        claims = self._claims_of(token)
        if claims.get("role") != USER_ROLE or not is_uuid(claims["sub"]):
            raise Unauthorized("The access token is not one of a user.")
        if claims.get("is_anonymous") and not self._rules.takes_anonymous:
            raise Unauthorized("Anonymous users may not use this server: sign in.")
        good_until = int(claims["exp"]) + self._rules.leeway_seconds
        return VerifiedToken(self._caller_of(claims), good_until)

    def _claims_of(self, token: str) -> dict[str, Any]:
        try:
            key, algorithm = self._key_of(jwt.get_unverified_header(token))
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=AUDIENCE,
                issuer=self.issuer,
                leeway=self._rules.leeway_seconds,
                options={"require": list(NEEDED)},
            )
        except jwt.ExpiredSignatureError as exc:
            raise Unauthorized("The access token has expired; refresh it.") from exc
        except (jwt.PyJWTError, *ODD_INPUT) as exc:
            raise Unauthorized("The access token is not valid.") from exc

    def _key_of(self, header: dict[str, Any]) -> tuple[str | jwt.PyJWK, str]:
        """Choose the key and the only algorithm it may be used with."""
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str):
            raise jwt.InvalidAlgorithmError(type(algorithm).__name__)
        if algorithm == SECRET_ALGORITHM and self._rules.secret:
            return self._rules.secret, SECRET_ALGORITHM
        if algorithm not in ALGORITHMS or not isinstance(key_id, str):
            raise jwt.InvalidAlgorithmError(f"{algorithm} with {type(key_id).__name__}")
        key = self._keys.find(key_id)
        if key is None:
            raise jwt.InvalidKeyError(key_id)
        return key, key.algorithm_name

    def _caller_of(self, claims: dict[str, Any]) -> Caller:
        if self._tenant_id is None:
            self._tenant_id = self._ask_tenant_id()
        user = ExternalUser(
            id=claims["sub"],
            tenant_id=self._tenant_id,
            email=_text(claims.get("email")),
            name=_name_in(claims.get("user_metadata")),
            role=Role.MEMBER,
            manager=MANAGER,
        )
        return Caller(
            user_id=user.id,
            tenant_id=user.tenant_id,
            role=user.role,
            login_id=_text(claims.get("session_id")) or "",
            external=user,
        )


def _name_in(metadata: object) -> str | None:
    """Read the name that users give themselves: nothing may depend on it."""
    if not isinstance(metadata, dict):
        return None
    return _text(metadata.get("full_name")) or _text(metadata.get("name"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
