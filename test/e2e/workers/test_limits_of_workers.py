"""Two workers share limits and breakers over Redis, and go on by themselves without it."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from api.chat_client import Answer, ChatClient, Json
from api.figures import figures_of
from stack.columns import SCALED, only_on
from stack.redis_server import RedisServer
from stack.server_process import StartServer
from wires.fixtures import WireServer
from wires.steps import TEXT
from wires.vendor import Vendor
from worlds.crowd import (
    CROWD_SECONDS,
    FREE,
    Asked,
    assert_all_have_their_answers,
    assert_interactive_ones_went_first,
    assert_never_above,
    numbered,
)
from worlds.patience import eventually
from worlds.two_workers import SHARED, Pair

from services.domain.limits import Priority

pytestmark = only_on(SCALED, "embedded there is one server, and one worker")

LIMIT = 10
"""Also what each of the two may do alone: a server divides the limit by its own workers."""

WINDOW_SECONDS = 2.0
BREAKER_FAILURES, BREAKER_SECONDS = 3, 3.0
HEARD_SECONDS = 1.0
"""After so long, all workers avoid a model that one of them found to fail."""

APART = "charla_limits_counted_apart"
FIRST, OTHER = "openai", "anthropic"
AT_ONCE = 8

SETTINGS = {
    **SHARED,
    **FREE,
    "RATE_LIMIT_ENABLED": "true",
    "OPENAI_RPM": str(LIMIT),
    "ANTHROPIC_RPM": "0",
    "ANTHROPIC_TPM": "0",
    "PROVIDER_WINDOW_SECONDS": str(WINDOW_SECONDS),
    "PROVIDER_RETRIES": "0",
    "BREAKER_FAILURES": str(BREAKER_FAILURES),
    "BREAKER_SECONDS": str(BREAKER_SECONDS),
    "DEFAULT_PROVIDER": FIRST,
    "DEFAULT_MODEL": "held",
    "FAILOVER": f"{OTHER}/plain",
    "OPENAI_API_KEY": "sk-test",
    "ANTHROPIC_API_KEY": "sk-ant-test",
}

Clients = tuple[ChatClient, ChatClient]


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """Start a Redis that the tests of this module may kill."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def first_vendor() -> Vendor:
    """Choose the address of the provider that is asked first."""
    return Vendor()


@pytest.fixture(scope="module")
def pair(
    start_shared: StartServer, redis: RedisServer, first_vendor: Vendor, wire: WireServer
) -> Pair:
    """Start the two servers."""
    settings = {
        **SETTINGS,
        "REDIS_URL": redis.url,
        "OPENAI_BASE_URL": f"http://127.0.0.1:{first_vendor.port}/v1",
        "ANTHROPIC_BASE_URL": wire.url,
    }
    return Pair(start_shared(settings), start_shared(settings))


@pytest.fixture
def clients(pair: Pair) -> Clients:
    """Give the client of a new account at each server."""
    return pair.account()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Ask and read in as many threads as there are messages."""
    with ThreadPoolExecutor(100) as made:
        yield made


@pytest.fixture
def vendor(first_vendor: Vendor, pool: ThreadPoolExecutor) -> Iterator[Vendor]:
    """Give the provider, which is down; at the end no thread of the pool waits for it."""
    del pool
    yield first_vendor
    first_vendor.stop()


@pytest.fixture
def upstream(vendor: Vendor) -> WireServer:
    """Let the provider be up."""
    return vendor.start()


@dataclass(frozen=True, slots=True)
class Crowd:
    """Messages to both servers in turn: those that fill a window and are held, and all others."""

    holding: Sequence[Asked]
    waiting: Sequence[Asked]
    asking: Sequence[Future[None]]

    def get_answers(self) -> None:
        """Wait for all answers, and check them."""
        for one in self.asking:
            one.result(CROWD_SECONDS)
        assert_all_have_their_answers([*self.holding, *self.waiting])


def gather(pool: ThreadPoolExecutor, clients: Clients, upstream: WireServer, count: int) -> Crowd:
    """Fill the window with calls that are held, and have so many more wait behind them.

    At one server those are interactive requests, at the other background requests.
    """
    holding = [Asked("held", TEXT) for _ in range(LIMIT)]
    waiting = [numbered(number) for number in range(count)]
    for number, one in enumerate(waiting):
        one.priority = tuple(Priority)[number % 2]
    asking = [pool.submit(one.ask, clients[n % 2]) for n, one in enumerate(holding)]
    eventually(lambda: upstream.live() == LIMIT, CROWD_SECONDS)
    asking += [pool.submit(one.ask, clients[n % 2]) for n, one in enumerate(waiting)]
    eventually(lambda: all(one.queued for one in waiting), CROWD_SECONDS)
    return Crowd(holding, waiting, asking)


def test_of_a_burst_at_both_none_is_lost_and_none_goes_out_too_early(
    clients: Clients, upstream: WireServer, pool: ThreadPoolExecutor
) -> None:
    crowd = gather(pool, clients, upstream, 3 * LIMIT)
    upstream.release()
    crowd.get_answers()

    arrived = {model: at for at, model in upstream.calls()}
    assert len(upstream.calls()) == 4 * LIMIT
    assert_never_above(LIMIT, WINDOW_SECONDS, [at for at, _ in upstream.calls()])
    assert_interactive_ones_went_first(crowd.waiting, arrived)


def ask(client: ChatClient) -> tuple[Answer, Json]:
    """Send a message to the default model; give the answer and the run."""
    with client.send(client.new_session(), "Hello?") as reader:
        assert reader.status == 200, reader.body()
        answer = reader.take_into(Answer())
    assert answer.text == TEXT
    return answer, client.run(reader.headers["X-Run-Id"])


def calls_of(run: Json) -> list[tuple[str, str]]:
    """Give the models that a run has asked, and the outcome of each call."""
    return [(one["provider"], one["code"] or one["outcome"]) for one in run["attempts"]]


def is_left_alone(told: tuple[Answer, Json]) -> bool:
    """Tell whether the first provider was passed over, without a call."""
    answer, run = told
    codes = [frame.event["detail"]["code"] for frame in answer.frames if frame.type == "status"]
    return codes == ["circuit_open"] and calls_of(run) == [(OTHER, "ok")]


def answers_itself(told: tuple[Answer, Json]) -> bool:
    """Tell whether the first provider has answered."""
    return calls_of(told[1]) == [(FIRST, "ok")]


def would_be_asked(client: ChatClient) -> bool:
    """Tell whether a server would ask the first provider now."""
    listed = client.call("GET", "/api/providers").json["providers"]
    return any(one["healthy"] for one in listed if one["name"] == FIRST)


def test_a_model_that_fails_at_one_is_left_alone_by_both_until_one_probe_has_worked(
    clients: Clients, vendor: Vendor, pool: ThreadPoolExecutor
) -> None:
    here, there = clients
    for _ in range(BREAKER_FAILURES):
        assert would_be_asked(there)
        _, run = ask(here)
        assert calls_of(run) == [(FIRST, "upstream_unreachable"), (OTHER, "ok")]
    asked_at = [time.monotonic()]
    while not is_left_alone(ask(there)):
        assert asked_at[-1] < asked_at[0] + HEARD_SECONDS
        asked_at.append(time.monotonic())
    assert len(asked_at) <= BREAKER_FAILURES  # its own failures would not have opened it yet

    back = vendor.start()
    eventually(lambda: all(would_be_asked(client) for client in clients))
    asking = [pool.submit(ask, clients[number % 2]) for number in range(AT_ONCE)]
    eventually(lambda: sum(one.done() for one in asking) == AT_ONCE - 1, CROWD_SECONDS)
    until = time.monotonic() + HEARD_SECONDS  # by then both have asked anew
    while time.monotonic() < until:
        later = [pool.submit(ask, client) for client in clients]
        assert all(is_left_alone(one.result(CROWD_SECONDS)) for one in later)
    assert back.seen()["count"] == back.live() == 1
    back.release()
    told = [one.result() for one in asking]

    assert sum(map(is_left_alone, told)) == AT_ONCE - 1
    assert sum(map(answers_itself, told)) == 1
    for client in clients:
        eventually(lambda client=client: answers_itself(ask(client)))  # type: ignore[misc]  # bound


def are_apart(pair: Pair, *, apart: bool) -> bool:
    """Tell whether both count by themselves, or both together."""
    return all(bool(figures_of(server)[APART]) is apart for server in (pair.a, pair.b))


def test_without_redis_both_go_on_by_themselves_and_count_together_when_it_is_back(
    pair: Pair,
    clients: Clients,
    upstream: WireServer,
    redis: RedisServer,
    pool: ThreadPoolExecutor,
) -> None:
    crowd = gather(pool, clients, upstream, 4 * LIMIT)
    redis.kill()
    try:
        eventually(lambda: are_apart(pair, apart=True))
        upstream.release()
        crowd.get_answers()
    finally:
        redis.start()

    arrived = {model: at for at, model in upstream.calls()}
    for number in range(2):
        own = [arrived[one.model] for one in crowd.waiting[number::2]]
        assert len(own) == 2 * LIMIT
        assert_never_above(LIMIT, WINDOW_SECONDS, own)

    eventually(lambda: are_apart(pair, apart=False))
    upstream.forget_calls()
    crowd = gather(pool, clients, upstream, 2 * LIMIT)
    upstream.release()
    crowd.get_answers()
    assert len(upstream.calls()) == 3 * LIMIT
    assert_never_above(LIMIT, WINDOW_SECONDS, [at for at, _ in upstream.calls()])
