"""Accounts and logins."""

from dataclasses import dataclass

from services.domain.users import RegistrationPolicy
from services.settings.variables import choice, seconds, secret, whole

DAY = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """Who may have an account, how long logins last and what protects them."""

    registration: str | None = choice(
        "REGISTRATION",
        None,
        RegistrationPolicy,
        "Who may make an account: anybody, whoever has a link of `flask --app app invite`, or "
        "nobody. Unset: open; off in production with a Supabase project, whose users are in "
        "Supabase Auth.",
    )
    link_seconds: float = seconds(
        "ACCOUNT_LINK_SECONDS",
        DAY,
        (60, 30 * DAY),
        "How long a one-time link of `create-admin`, `invite` and `reset-password` is good.",
    )
    jwt_secret_key: str = secret(
        "JWT_SECRET_KEY",
        "",
        "Signs the access tokens. Needed in production; in development one is made once and kept "
        "in DATA_DIR/secrets.json.",
        "at least 32 random characters, for example from: openssl rand -base64 48",
    )
    access_token_seconds: float = seconds(
        "ACCESS_TOKEN_SECONDS", 900, (1, DAY), "How long an access token is good."
    )
    refresh_token_seconds: float = seconds(
        "REFRESH_TOKEN_SECONDS",
        30 * DAY,
        (1, 400 * DAY),
        "How long a login lasts without being used.",
    )
    refresh_grace_seconds: float = seconds(
        "REFRESH_GRACE_SECONDS",
        30,
        (0, 600),
        "How long a used refresh token may come again (two tabs refresh at once). Later it ends "
        "the login, unless the answer to its first use was lost.",
    )
    jwt_leeway_seconds: float = seconds(
        "JWT_LEEWAY_SECONDS", 30, (0, 300), "What clocks may differ by."
    )
    password_hash_memory_kib: int = whole(
        "PASSWORD_HASH_MEMORY_KIB",
        19456,
        (1024, 1048576),
        "Memory that hashing one password takes (argon2id, 2 passes); the default is OWASP's "
        "least. At most two are hashed at once. Hashes are renewed at the next login.",
        unit="KiB",
    )
    password_queue_size: int = whole(
        "PASSWORD_QUEUE_SIZE",
        200,
        (1, 9000),
        "Passwords that may wait to be hashed; a further one is 503. Networks take turns.",
    )
    password_queue_seconds: float = seconds(
        "PASSWORD_QUEUE_SECONDS",
        15,
        (0.1, 300),
        "How long a password may wait to be hashed; later its request is 503.",
    )
