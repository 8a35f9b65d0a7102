"""The life of a run: heartbeats, time limits, what is kept and for how long."""

from dataclasses import dataclass

from services.settings.variables import seconds, whole

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """Times and sizes of runs and of their streams."""

    beat_seconds: float | None = seconds(
        "BEAT_SECONDS",
        None,
        (0.01, 60),
        "How often the text of running answers is saved; where it is in memory only, a crash "
        "loses what came since. Unset: 0.5 with SQLite, 1 with Supabase, 5 with Redis (1 while "
        "Redis is away).",
    )
    ping_seconds: float = seconds(
        "PING_SECONDS",
        10,
        (0.01, 15),
        "How often a silent stream gets a comment, so that no proxy closes it.",
    )
    reconnect_seconds: float = seconds(
        "RECONNECT_SECONDS",
        1,
        (0.01, 60),
        "After what pause a stream tells its reader to come back when it was cut off (`retry:`).",
    )
    run_timeout_seconds: float = seconds(
        "RUN_TIMEOUT_SECONDS", 600, (0.1, 86400), "How long an answer may take in all."
    )
    settle_retry_seconds: float = seconds(
        "SETTLE_RETRY_SECONDS",
        5,
        (0.05, 600),
        "How long saving a finished answer is tried before its readers are told that it is not "
        "saved yet.",
    )
    unlisted_run_seconds: float = seconds(
        "UNLISTED_RUN_SECONDS",
        30,
        (0.1, 3600),
        "After what time a run that the database knows and this server does not is ended.",
    )
    log_keep_seconds: float = seconds(
        "LOG_KEEP_SECONDS",
        900,
        (0, 86400),
        "How long the events of an ended run can be replayed one by one; later its whole text is.",
    )
    log_max_bytes: int = whole(
        "LOG_MAX_BYTES",
        64 * MEGABYTE,
        (1024, 64 * 1024 * MEGABYTE),
        "Memory for the events of ended runs, all together; the oldest go first.",
        unit="bytes",
    )
    idempotency_seconds: float = seconds(
        "IDEMPOTENCY_SECONDS", 86400, (1, 30 * 86400), "How long an Idempotency-Key is remembered."
    )
    purge_seconds: float = seconds(
        "PURGE_SECONDS",
        3600,
        (0.1, 86400),
        "How often expired tokens, keys and checkpoints are deleted.",
    )
