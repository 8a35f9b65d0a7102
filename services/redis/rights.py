"""Whether a Redis lets this server do all that it does there: each command is tried once."""

from collections.abc import Iterator, Sequence
from secrets import token_hex
from typing import Any

CHANNEL = "charla:nudges"
"""What processes tell each other; an empty message is a probe, and means nothing."""

SECONDS = 60

Command = tuple[str | int, ...]


def probes() -> Sequence[Command]:
    """Give every command that is used outside of scripts or in them, on keys that soon expire."""
    return tuple(_probes(f"probe-{token_hex(8)}"))


def _probes(name: str) -> Iterator[Command]:
    yield from (("PING",), ("TIME",), ("EVAL", "return 1", 0), ("SCRIPT LOAD", "return 1"))
    yield ("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", 0)  # of what was just loaded
    run, outcome, status = (f"charla:{kind}:{name}" for kind in ("run", "outcome", "status"))
    yield ("XADD", run, "1-1", "f", "")
    yield ("EXPIRE", run, SECONDS)
    yield ("XREVRANGE", run, "+", "-", "COUNT", 1)
    yield ("XRANGE", run, "-", "+")
    yield ("XREAD", "COUNT", 1, "STREAMS", run, "0")
    yield ("SET", outcome, "", "EX", SECONDS)
    yield ("GET", outcome)
    yield ("SET", status, "", "EX", SECONDS)
    yield ("PUBLISH", CHANNEL, "")
    limit = f"charla:limit:{name}"
    yield ("LPUSH", limit, 1, 2)
    yield ("PEXPIRE", limit, SECONDS * 1000)
    yield from (("LLEN", limit), ("LINDEX", limit, 0), ("LRANGE", limit, 0, -1))
    yield from (("LSET", limit, 0, 3), ("LREM", limit, 1, 3), ("RPOP", limit))
    quota = f"charla:quota:{name}"
    yield ("ZADD", quota, 1, "a")
    yield ("PEXPIRE", quota, SECONDS * 1000)
    yield from (("ZCARD", quota), ("ZSCORE", quota, "a"), ("ZRANGE", quota, 0, 0))
    yield from (("ZRANGEBYSCORE", quota, 0, 0), ("ZREM", quota, "b"), ("EXISTS", quota))
    yield from (("ZREMRANGEBYSCORE", quota, 0, 0), ("ZREMRANGEBYRANK", quota, 5, 5))
    breaker = f"charla:breaker:{name}"
    yield ("HSET", breaker, "a", 1)
    yield ("PEXPIRE", breaker, SECONDS * 1000)
    yield from (("HGET", breaker, "a"), ("HMGET", breaker, "a"), ("HINCRBY", breaker, "a", 1))
    yield ("HDEL", breaker, "b")
    yield from (("DEL", outcome, status), ("UNLINK", run, limit, quota, breaker))


def failures(client: Any) -> Iterator[tuple[str, Exception]]:
    """Try everything, and give each command that failed with its error; raises as redis-py does."""
    tried = probes()
    with client.pipeline(transaction=False) as pipeline:
        for command in tried:
            pipeline.execute_command(*command)
        replies = pipeline.execute(raise_on_error=False)
    for command, reply in zip(tried, replies, strict=True):
        if isinstance(reply, Exception):
            yield str(command[0]), reply
    pubsub = client.pubsub()
    try:
        pubsub.subscribe(CHANNEL)
        pubsub.get_message(timeout=client.connection_pool.connection_kwargs["socket_timeout"])
    except Exception as exc:
        if not type(exc).__module__.startswith("redis"):
            raise
        yield "SUBSCRIBE", exc
    finally:
        pubsub.close()
