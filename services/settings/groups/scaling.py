"""More than one process or machine: the shared database, the shared log, and who watches whom."""

from dataclasses import dataclass

from services.settings import rules
from services.settings.variables import flag, seconds, secret, text, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingSettings:
    """Supabase instead of SQLite, and Redis if several workers share their streams."""

    supabase_url: str | None = text(
        "SUPABASE_URL",
        None,
        "The Supabase project that keeps everything; unset: SQLite in DATA_DIR.",
        "the project's URL such as https://abc.supabase.co",
        rules.base_url,
    )
    supabase_key: str | None = secret(
        "SUPABASE_KEY",
        None,
        "The project's secret key (sb_secret_... or the service_role key). It may do everything: "
        "it belongs to this server alone.",
        "the secret or service_role key of the project",
        rules.service_key,
    )
    supabase_jwt_secret: str | None = secret(
        "SUPABASE_JWT_SECRET",
        None,
        "With it access tokens of Supabase Auth that are signed with HS256 are accepted; those "
        "with ES256 or RS256 are checked against the project's public keys, without it.",
        "the JWT secret of the project",
    )
    supabase_issuer: str | None = text(
        "SUPABASE_ISSUER",
        None,
        "What access tokens of Supabase Auth name as their issuer (iss), exactly. Unset: "
        "SUPABASE_URL and /auth/v1. A self-hosted project, which this server reaches at another "
        "address than browsers do, names its public one.",
        "the issuer's URL such as https://supabase.example.com/auth/v1",
        rules.base_url,
    )
    supabase_anonymous: bool | None = flag(
        "SUPABASE_ANONYMOUS",
        "Whether anonymous users of Supabase Auth, of whom anybody can make any number, may call. "
        "Unset: in development yes, in production no.",
        default=None,
    )
    supabase_connections: int = whole(
        "SUPABASE_CONNECTIONS",
        20,
        (1, 1000),
        "Connections to Supabase that a worker opens at most; beats and ends of answers have a "
        "few more of their own.",
    )
    redis_url: str | None = secret(
        "REDIS_URL",
        None,
        "The Redis that shares streams, limits and stop requests between workers. It needs "
        "SUPABASE_URL; no cluster, and no eviction of keys.",
        "a URL such as redis://127.0.0.1:6379/0, rediss://user:password@host:6380/0 or "
        "redis+sentinel://:password@host:26379,host2:26379/name/0",
        rules.redis_url,
    )
    workers: int = whole(
        "WEB_CONCURRENCY", 1, (1, 64), "Worker processes; more than one needs REDIS_URL."
    )
    worker_dead_seconds: float = seconds(
        "WORKER_DEAD_SECONDS",
        15,
        (0.1, 3600),
        "For how long another worker must give no sign of life before its answers are taken over.",
    )
    flush_seconds: float = seconds(
        "FLUSH_SECONDS",
        0.02,
        (0.001, 1),
        "How often new pieces of answers are written to Redis, and read from there, at most.",
    )
    flush_timeout_seconds: float = seconds(
        "FLUSH_TIMEOUT_SECONDS",
        0.25,
        (0.01, 10),
        "How long readers wait for Redis; then they are served from memory and /ready says "
        "degraded.",
    )
    idle_check_seconds: float = seconds(
        "IDLE_CHECK_SECONDS",
        5,
        (0.05, 600),
        "After what silence of an answer that another worker writes its state is looked up.",
    )

    @property
    def is_embedded(self) -> bool:
        """Tell whether everything is kept in DATA_DIR."""
        return self.supabase_url is None

    @property
    def shares_streams(self) -> bool:
        """Tell whether other workers may read what this one writes."""
        return self.redis_url is not None

    @property
    def mode(self) -> str:
        """Name the combination."""
        if self.is_embedded:
            return "embedded"
        return "Supabase and Redis" if self.redis_url else "Supabase, one worker"
