"""The providers' own lists are asked for rarely, once for all requests, and for a short time."""

from collections.abc import Sequence
from time import monotonic

import gevent
import pytest
from gevent.event import Event
from worlds.played import PlayedProvider

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.providers.models.listed import ListedModels, ListTimes

AT_ONCE = ListTimes(patience_seconds=5, keep_seconds=0, retry_seconds=0)
KEPT = ListTimes(patience_seconds=5, keep_seconds=60, retry_seconds=60)


class Lister(PlayedProvider):
    """Lists two names once `may_answer` is set, or fails if it is `broken`."""

    def __init__(self) -> None:
        """Answer at once."""
        super().__init__()
        self.may_answer = Event()
        self.may_answer.set()
        self.is_broken = False
        self.asked = 0

    def list_models(self) -> Sequence[str]:
        """Count the call."""
        self.asked += 1
        self.may_answer.wait()
        if self.is_broken:
            raise ProviderError("It does not say.", code=FailureCode.UNREACHABLE)
        return ["small", f"new-{self.asked}"]


@pytest.fixture
def lister() -> Lister:
    """Give a provider."""
    return Lister()


def test_a_list_is_kept_for_a_while(lister: Lister) -> None:
    listed = ListedModels({"it": lister}, KEPT)

    assert [listed.names("it") for _ in range(3)] == [("small", "new-1")] * 3


def test_a_list_that_is_old_is_asked_for_again(lister: Lister) -> None:
    listed = ListedModels({"it": lister}, AT_ONCE)

    assert [listed.names("it") for _ in range(2)] == [("small", "new-1"), ("small", "new-2")]


def test_all_who_ask_at_once_wait_for_one_question(lister: Lister) -> None:
    lister.may_answer.clear()
    listed = ListedModels({"it": lister}, AT_ONCE)
    asking = [gevent.spawn(listed.names, "it") for _ in range(5)]
    gevent.sleep(0)

    lister.may_answer.set()

    assert [one.get(timeout=5) for one in asking] == [("small", "new-1")] * 5


def test_nobody_waits_long_for_a_provider_that_says_nothing(lister: Lister) -> None:
    lister.may_answer.clear()
    times = ListTimes(patience_seconds=0.05, keep_seconds=60, retry_seconds=60)
    listed = ListedModels({"it": lister}, times)
    begun = monotonic()

    assert [listed.names("it") for _ in range(2)] == [None, None]
    assert monotonic() - begun < 2
    assert lister.asked == 1


def test_a_list_that_came_too_late_is_there_for_the_next(lister: Lister) -> None:
    lister.may_answer.clear()
    times = ListTimes(patience_seconds=0.05, keep_seconds=60, retry_seconds=60)
    listed = ListedModels({"it": lister}, times)
    assert listed.names("it") is None

    lister.may_answer.set()

    assert listed.names("it") == ("small", "new-1")


def test_a_provider_that_fails_is_not_asked_at_once_again(lister: Lister) -> None:
    lister.is_broken = True
    listed = ListedModels({"it": lister}, KEPT)

    assert [listed.names("it") for _ in range(3)] == [None, None, None]
    assert lister.asked == 1


def test_a_provider_that_failed_is_asked_again_after_its_rest(lister: Lister) -> None:
    lister.is_broken = True
    listed = ListedModels({"it": lister}, AT_ONCE)
    assert listed.names("it") is None

    lister.is_broken = False

    assert listed.names("it") == ("small", "new-2")


def test_each_provider_has_a_list_of_its_own(lister: Lister) -> None:
    other = Lister()
    other.is_broken = True
    listed = ListedModels({"it": lister, "other": other}, KEPT)

    assert listed.names("other") is None
    assert listed.names("it") == ("small", "new-1")
