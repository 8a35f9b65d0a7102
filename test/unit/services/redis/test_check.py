"""What keeps a Redis from being used is told as what it is, and no password is ever told."""

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme
from stack.redis_server import RedisServer, SentinelServer
from worlds.patience import eventually

from services.redis.check import RedisUnavailable, RefusedRedis, check
from services.redis.rights import probes

PASSWORD = "hunter2-hunter2"


def refused(url: str) -> str:
    with pytest.raises(RefusedRedis) as caught:
        check(url)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def away(url: str) -> str:
    with pytest.raises(RedisUnavailable) as caught:
        check(url)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def with_login(server: RedisServer, login: str) -> str:
    return server.url.replace("redis://", f"redis://{login}@")


@pytest.fixture
def guarded(redis_server: RedisServer) -> Iterator[RedisServer]:
    """Give a server with a user that may do everything that is needed, and nothing else."""
    needed = sorted({f"+{command[0]}".lower().replace(" ", "|") for command in probes()})
    redis_server.command(
        *("ACL", "SETUSER", "charla", "on", f">{PASSWORD}", "~charla:*", "&charla:*"),
        *("-@all", *needed, "+subscribe", "+client|setname", "+select"),
    )
    yield redis_server
    redis_server.command("ACL", "DELUSER", "charla")


@pytest.fixture
def web_port() -> Iterator[int]:
    """Give the port of a server that speaks HTTP."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_user_with_exactly_the_rights_that_are_tried_can_do_everything(
    guarded: RedisServer,
) -> None:
    notes = check(with_login(guarded, f"charla:{PASSWORD}"))

    assert notes == ["its user may not use INFO: whether it evicts keys is not known"]


@pytest.mark.parametrize("right", ["eval", "xadd", "publish", "subscribe", "lpush", "unlink"])
def test_a_missing_right_is_named(guarded: RedisServer, right: str) -> None:
    guarded.command("ACL", "SETUSER", "charla", f"-{right}")

    assert right.upper() in refused(with_login(guarded, f"charla:{PASSWORD}"))


@pytest.mark.parametrize("keys", [("resetkeys", "~charla:run:*"), ("resetchannels",)])
def test_keys_and_channels_that_are_out_of_reach_are_a_missing_right(
    guarded: RedisServer, keys: tuple[str, ...]
) -> None:
    guarded.command("ACL", "SETUSER", "charla", *keys)

    assert "charla:*" in refused(with_login(guarded, f"charla:{PASSWORD}"))


def test_every_command_of_every_script_is_tried() -> None:
    scripts = Path("services").rglob("*.lua")
    used = {
        name
        for script in scripts
        for name in re.findall(r"redis\.p?call\('([A-Z]+)'", script.read_text())
    }
    assert used
    assert used <= {str(command[0]) for command in probes()}


def test_passwords_and_databases_are_told_as_what_they_are(
    redis_server: RedisServer, make_redis: Callable[..., RedisServer]
) -> None:
    assert "has no password" in refused(with_login(redis_server, f":{PASSWORD}"))
    assert "no database of that number" in refused(redis_server.url[:-1] + "77")
    locked = make_redis()
    locked.command("CONFIG", "SET", "requirepass", PASSWORD)
    assert "wants a password" in refused(locked.url)
    assert "refuses the user or the password" in refused(with_login(locked, f":{PASSWORD}x"))
    assert check(with_login(locked, f":{PASSWORD}")) == []


def test_tls_against_plain_and_a_server_of_another_kind_are_told_apart(
    make_redis: Callable[..., RedisServer], web_port: int, tmp_path: Path
) -> None:
    server, authority = make_redis(), trustme.CA()
    tls_port = server.speak_tls(authority)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    trusting = f"rediss://127.0.0.1:{tls_port}?ssl_ca_certs={tmp_path / 'ca.pem'}"
    assert check(trusting) == []
    assert check(f"rediss://127.0.0.1:{tls_port}?ssl_cert_reqs=none") == []
    assert "speaks without TLS" in refused(server.url.replace("redis:", "rediss:"))
    assert "speaks TLS" in refused(f"redis://127.0.0.1:{tls_port}")
    assert "certificate is refused" in refused(f"rediss://127.0.0.1:{tls_port}")
    assert "no Redis" in refused(f"redis://127.0.0.1:{web_port}")


def test_what_passes_by_itself_is_no_refusal(make_redis: Callable[..., RedisServer]) -> None:
    server = make_redis()
    server.command("CONFIG", "SET", "maxmemory", "1")
    assert "memory is full" in away(server.url)
    server.command("CONFIG", "SET", "maxmemory", "0")
    server.command("REPLICAOF", "127.0.0.1", "9")
    assert "replica" in away(server.url)
    server.kill()
    assert away(server.url) == "nobody listens at its address"
    assert "cannot be looked up" in away("redis://no-such-host.invalid")
    assert "nobody listens" in away("redis+sentinel://127.0.0.1:1/main")


def test_a_sentinel_and_what_it_knows_are_told(make_redis: Callable[..., RedisServer]) -> None:
    main, replica = make_redis(), make_redis()
    replica.follow(main)
    with SentinelServer(main) as sentinel:
        assert check(f"redis+sentinel://{sentinel.host}/main") == []
        assert check(f"redis+sentinel://127.0.0.1:1,{sentinel.host}/main/1") == []
        assert "knows no server named other" in refused(f"redis+sentinel://{sentinel.host}/other")
        assert "it is a Sentinel" in refused(f"redis://{sentinel.host}")


def test_a_disk_that_takes_no_dump_is_told(make_redis: Callable[..., RedisServer]) -> None:
    server = make_redis()
    server.command("CONFIG", "SET", "save", "1 1")
    folder = Path(server.command("CONFIG", "GET", "dir")[1].decode())
    (folder / "dump.rdb").mkdir()  # where the dump belongs
    server.command("SET", "a", "1")
    server.command("BGSAVE")
    eventually(lambda: last_dump(server) == "err")

    assert "cannot save to its disk" in away(server.url)
    server.kill()  # it would not end before it has saved


def last_dump(server: RedisServer) -> object:
    return server.command("INFO", "persistence")["rdb_last_bgsave_status"]
