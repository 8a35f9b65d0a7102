"""The project's keys: read once, read again when they rotate, kept while the project is away."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from api.key_server import PATH, KeyServer, SigningKey, ec_key, rsa_key
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from stack.server_process import find_free_port
from structlog.testing import capture_logs
from worlds.patience import eventually

from services.domain.errors.outages import Unavailable
from services.identity.key_set import KeySet, KeySetTimes

SELDOM = KeySetTimes(fetch=2, refresh=3600, pause=3600, retry=0.02)
OFTEN = KeySetTimes(fetch=2, refresh=0.02, pause=0.02, retry=0.02)
IMPATIENT = KeySetTimes(fetch=0.2, refresh=0.02, pause=0.02, retry=0.02)

OLD, NEW = ec_key("old"), rsa_key("new")

UNDER_GEVENT = """
from gevent import monkey; monkey.patch_all()
import sys, gevent
from services.identity.key_set import KeySet
keys = KeySet(sys.argv[1])
ticks = []
ticker = gevent.spawn(lambda: [ticks.append(gevent.sleep(0.01)) for _ in range(1000)])
askers = [gevent.spawn(keys.find, "old") for _ in range(50)]
gevent.joinall(askers, raise_error=True)
ticker.kill()
print(len({asker.value for asker in askers}), len(ticks))
"""


@pytest.fixture
def project() -> Iterator[KeyServer]:
    """Give a project that signs with one key."""
    with KeyServer(OLD) as server:
        yield server


def keys_of(project: KeyServer, times: KeySetTimes = SELDOM) -> KeySet:
    return KeySet(project.url + PATH, times)


def is_known(keys: KeySet, key_id: str) -> bool:
    return keys.find(key_id) is not None


def test_keys_are_read_once_and_only_when_they_are_needed(project: KeyServer) -> None:
    keys = keys_of(project)
    assert project.fetches == 0

    found = [keys.find("old") for _ in range(5)]

    assert found[0] is not None
    assert {key.algorithm_name for key in found if key} == {"ES256"}
    assert project.fetches == 1


def test_many_at_once_share_one_reading(project: KeyServer) -> None:
    keys = keys_of(project)
    project.is_open.clear()
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(is_known, keys, "old") for _ in range(20)]
        project.wait_for_fetches(1)
        project.is_open.set()

    assert all(answer.result() for answer in asked)
    assert project.fetches == 1


def test_greenlets_share_one_reading_and_the_hub_goes_on(project: KeyServer) -> None:
    project.is_open.clear()
    command = [sys.executable, "-c", UNDER_GEVENT, project.url + PATH]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        project.wait_for_fetches(1)
        time.sleep(0.3)  # in which the hub is seen to go on
        project.is_open.set()
        output, _ = process.communicate(timeout=30)

    answers, ticks = map(int, output.split())
    assert (project.fetches, answers) == (1, 1)
    assert ticks > 10


def test_a_rotation_is_followed(project: KeyServer) -> None:
    keys = keys_of(project, OFTEN)
    assert is_known(keys, "old")

    project.publish(NEW)
    eventually(lambda: is_known(keys, "new"))

    assert not is_known(keys, "old")


def test_invented_ids_cause_one_reading_and_no_more(project: KeyServer) -> None:
    keys = keys_of(project)
    assert is_known(keys, "old")

    assert not any(is_known(keys, f"invented-{number}") for number in range(50))

    assert project.fetches == 1


def test_an_invented_id_may_cause_a_reading_when_the_pause_is_over(project: KeyServer) -> None:
    keys = keys_of(project, OFTEN)
    assert is_known(keys, "old")

    eventually(lambda: not is_known(keys, "invented") and project.fetches > 1)


def test_old_keys_are_read_again_without_anybody_waiting(project: KeyServer) -> None:
    keys = keys_of(project, OFTEN)
    assert is_known(keys, "old")
    project.wait_for_fetches(1)
    project.is_open.clear()
    project.publish(NEW)

    eventually(lambda: is_known(keys, "old") and project.fetches == 2)
    for _ in range(100):
        assert is_known(keys, "old")

    assert project.fetches == 2
    project.is_open.set()
    eventually(lambda: not is_known(keys, "old"))


@pytest.mark.parametrize("status", [500, 404])
def test_known_keys_are_used_while_the_project_fails(
    project: KeyServer, lines: io.StringIO, status: int
) -> None:
    readings: list[bool] = []
    keys = KeySet(project.url + PATH, OFTEN, readings.append)
    assert is_known(keys, "old")

    project.status = status
    eventually(lambda: is_known(keys, "old") and readings.count(False) >= 2)
    assert not is_known(keys, "new")
    project.status = 200
    eventually(lambda: is_known(keys, "old") and readings[-1])

    events = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
    assert events == ["supabase_keys_away", "supabase_keys_back"]


def test_a_project_that_was_never_reached_is_told_from_an_unknown_key() -> None:
    keys = KeySet(f"http://127.0.0.1:{find_free_port()}{PATH}", SELDOM)

    for _ in range(2):
        with pytest.raises(Unavailable):
            keys.find("old")


def test_a_project_that_hangs_is_not_waited_for_beyond_the_time(project: KeyServer) -> None:
    keys = keys_of(project, IMPATIENT)
    project.is_open.clear()
    began = time.monotonic()

    with pytest.raises(Unavailable):
        keys.find("old")

    assert time.monotonic() - began < 5
    project.is_open.set()
    eventually(lambda: _is_there(keys, "old"))


def test_a_project_that_answers_byte_by_byte_is_not_waited_for_either(project: KeyServer) -> None:
    project.trickles = True
    began = time.monotonic()

    with pytest.raises(Unavailable):
        keys_of(project, IMPATIENT).find("old")

    assert time.monotonic() - began < 2


def _is_there(keys: KeySet, key_id: str) -> bool:
    try:
        return is_known(keys, key_id)
    except Unavailable:
        return False


def test_a_project_without_such_keys_is_not_away(project: KeyServer) -> None:
    project.publish()

    assert keys_of(project).find("old") is None


@pytest.mark.parametrize(
    "document",
    [{}, [], None, 5, "x", {"keys": 5}, {"keys": {"a": 1}}, {"keys": [5]}, {"keys": [{}]}],
    ids=str,
)
def test_what_is_no_key_set_counts_as_no_answer(project: KeyServer, document: object) -> None:
    project.say(document)

    with pytest.raises(Unavailable):
        keys_of(project).find("old")


@pytest.mark.parametrize(
    "body", [b"<html>", b"\xff", b"[" * 5000, b'{"keys": []}' + b" " * 300_000]
)
def test_what_is_no_json_or_too_long_counts_as_no_answer(project: KeyServer, body: bytes) -> None:
    project.body = body

    with pytest.raises(Unavailable):
        keys_of(project).find("old")


def test_a_redirect_is_not_followed(project: KeyServer) -> None:
    with KeyServer(OLD) as elsewhere:
        project.status, project.headers = 302, {"Location": elsewhere.url + PATH}

        with pytest.raises(Unavailable):
            keys_of(project).find("old")

        assert elsewhere.fetches == 0


@pytest.mark.parametrize(
    "unusable",
    [
        {"kty": "oct", "kid": "new", "alg": "HS256", "k": "c2VjcmV0"},
        {"kty": "XYZ", "kid": "new"},
        {"kty": "EC", "crv": "P-256", "kid": "new", "x": "!", "y": "!"},
        NEW.jwk(use="enc"),
        NEW.jwk(alg="RS512"),
        NEW.jwk(alg="PS256"),
        NEW.jwk(kid=5),
        NEW.jwk(kid=None),
    ],
)
def test_a_key_for_anything_else_is_passed_by(
    project: KeyServer, unusable: dict[str, object]
) -> None:
    project.say({"keys": [unusable, OLD.jwk()]})
    keys = keys_of(project)

    assert is_known(keys, "old")
    assert not is_known(keys, "new")


def test_keys_that_are_too_weak_do_not_count_and_are_told_once(
    project: KeyServer,
) -> None:
    short = SigningKey("short", "RS256", rsa.generate_private_key(65537, 1024))  # noqa: S505 - that is the point
    curves: list[ec.EllipticCurve] = [ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1()]
    odd = [SigningKey(curve.name, "ES256", ec.generate_private_key(curve)) for curve in curves]
    project.publish(OLD, NEW, short, *odd)

    with capture_logs() as lines:
        keys = keys_of(project, OFTEN)
        assert is_known(keys, "old")
        assert is_known(keys, "new")
        assert [is_known(keys, key.id) for key in (short, *odd)] == [False] * 4
        eventually(lambda: is_known(keys, "old") and project.fetches >= 3)

    told = [line["reason"] for line in lines if line["event"] == "supabase_key_ignored"]
    assert len(told) == 4
    assert "1024 bits" in told[0]
