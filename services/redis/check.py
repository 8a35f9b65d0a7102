"""Whether a Redis can be used: it lets this server do its work, and keeps what it is given."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import redis

from services.redis.address import RedisAddress, parse
from services.redis.causes import FAILURES, Cause, cause_of
from services.redis.connections import Opener
from services.redis.other_protocol import OF_REDIS, answer_to_ping, speaks_tls
from services.redis.rights import failures

_CHECK_SECONDS = 3.0


class RedisUnavailable(Exception):
    """Redis does not do its work now; the message says why, and that may pass by itself."""


class RefusedRedis(Exception):
    """A Redis that cannot be used until somebody changes something; the message says what."""


def check(url: str) -> Sequence[str]:
    """Check a Redis before it is used, and give what could not be found out.

    Raises RefusedRedis or RedisUnavailable.
    """
    address = parse(url)
    opener = Opener(address, _CHECK_SECONDS)
    client = opener.open(_CHECK_SECONDS)
    with closing(client):
        try:
            return check_client(client)
        except RedisUnavailable:
            _explain(address, opener)
            raise


def check_client(client: Any) -> Sequence[str]:
    """Check the Redis that a client is connected to; raises and gives what `check` does."""
    notes: list[str] = []
    try:
        try:
            _judge(client.info())
        except redis.exceptions.NoPermissionError:
            notes.append("its user may not use INFO: whether it evicts keys is not known")
        failed = dict(failures(client))
    except FAILURES as exc:
        raise _meaning(cause_of(exc)) from exc
    _judge_rights(failed)
    return notes


def _judge(info: Mapping[str, Any]) -> None:
    if info.get("redis_mode") == "cluster":
        raise RefusedRedis("Redis Cluster is not supported: use a single Redis.")
    if info.get("redis_mode") == "sentinel":
        raise RefusedRedis("it is a Sentinel: write redis+sentinel://host:26379/name.")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise RefusedRedis(
            f"it may evict keys (maxmemory-policy {policy}), and with them answers that are being "
            "written: set maxmemory-policy noeviction."
        )


def _judge_rights(failed: Mapping[str, Exception]) -> None:
    causes = {command: cause_of(exc) for command, exc in failed.items()}
    lacking = [
        command
        for command, exc in failed.items()
        if isinstance(exc, redis.exceptions.NoPermissionError)
    ]
    if lacking:
        raise RefusedRedis(
            f"its user may not use {', '.join(lacking)} on the keys charla:* and the channel "
            "charla:nudges: give it these rights (ACL SETUSER)."
        )
    for cause in causes.values():
        raise _meaning(cause)


def _meaning(cause: Cause) -> Exception:
    return RedisUnavailable(cause.text) if cause.passes else RefusedRedis(f"{cause}.")


def _explain(address: RedisAddress, opener: Opener) -> None:
    """Raise RefusedRedis where it is TLS that server and URL disagree on, or what is no Redis."""
    if address.host is None and address.sentinels is None:
        return
    try:
        host = opener.route.find()
    except FAILURES:
        return
    answer = answer_to_ping(host, _CHECK_SECONDS)
    if address.tls is not None and answer in OF_REDIS:
        raise RefusedRedis("it speaks without TLS: begin the URL with redis instead of rediss.")
    if address.tls is None and answer not in OF_REDIS and speaks_tls(host, _CHECK_SECONDS):
        raise RefusedRedis("it speaks TLS: begin the URL with rediss instead of redis.")
    if address.tls is None and answer and answer not in OF_REDIS:
        raise RefusedRedis("what answers there is no Redis.")
