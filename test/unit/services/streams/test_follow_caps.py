"""How many readers there may be, and that every place is given back."""

import pytest
from worlds.followed import Followed, read, take
from worlds.log_events import DONE, START

from services.domain.errors.outages import TooManyStreams
from services.domain.errors.requests import TooManyRequests
from services.streams.follow import ReaderRequest
from services.streams.places import ReaderCaps


def by(user: str) -> ReaderRequest:
    """Read as this user."""
    return ReaderRequest(user_id=user)


@pytest.fixture
def followed() -> Followed:
    """Begin two runs."""
    followed = Followed()
    followed.open("other")
    return followed


def test_a_run_has_so_many_readers_and_no_more(followed: Followed) -> None:
    places = [followed.follow(by(f"user-{number}")) for number in range(3)]
    with pytest.raises(TooManyRequests, match="3 readers a run") as refused:
        followed.follow(by("user-4"))
    assert refused.value.code == "too_many_readers"
    followed.follow(by("user-4"), "other")
    places[0].close()
    followed.follow(by("user-5"))


def test_a_user_has_so_many_readers_and_no_more(followed: Followed) -> None:
    place = followed.follow(by("user"))
    followed.follow(by("user"), "other")
    with pytest.raises(TooManyRequests, match="2 open streams an account") as refused:
        followed.follow(by("user"))
    assert refused.value.code == "too_many_readers"
    place.close()
    followed.follow(by("user"))


def test_the_server_has_so_many_readers_and_no_more(followed: Followed) -> None:
    for number in range(5):
        followed.follow(by(f"user-{number}"), "run" if number % 2 else "other")
    with pytest.raises(TooManyStreams):
        followed.followers.check_room("user-6")
    with pytest.raises(TooManyStreams):
        followed.follow(by("user-6"))
    assert len(followed.followers) == 5


def test_users_can_be_without_a_cap_of_their_own() -> None:
    followed = Followed(ReaderCaps(streams=50, per_run=50, per_user=None))
    for _ in range(50):
        followed.follow(by("user"))
    assert len(followed.followers) == 50


def test_a_place_is_given_back_though_nothing_was_read(followed: Followed) -> None:
    for _ in range(20):
        followed.follow().close()
    assert len(followed.followers) == 0
    assert b"charla_readers 0.0" in followed.metrics.render()


def test_closing_twice_gives_back_one_place(followed: Followed) -> None:
    stays = followed.follow()
    leaves = followed.follow()
    leaves.close()
    leaves.close()
    assert len(followed.followers) == 1
    assert b"charla_readers 1.0" in followed.metrics.render()
    stays.close()


def test_the_end_keeps_the_place_until_the_reader_is_closed(followed: Followed) -> None:
    events = followed.follow()
    followed.writer.append(START)
    followed.writer.append(DONE)
    read(events)
    assert len(followed.followers) == 1
    events.close()
    assert len(followed.followers) == 0


def test_a_reader_that_was_refused_holds_no_place_and_hears_nothing(followed: Followed) -> None:
    places = [followed.follow(by(f"user-{number}")) for number in range(3)]
    for _ in range(5):
        with pytest.raises(TooManyRequests):
            followed.follow(by("user-4"))
    assert len(followed.followers) == 3
    for place in places:
        place.close()
    followed.follow(by("user-4"))


def test_a_closed_reader_leaves_the_writer_and_the_others_alone(followed: Followed) -> None:
    stays, leaves = followed.follow(), followed.follow()
    followed.writer.append(START)
    take(leaves)
    leaves.close()
    followed.writer.append(DONE)
    assert read(stays).seqs == [1, 2]


SHARED = ReaderCaps(streams=100, per_run=1000, per_user=64, network_share=0.75)


def taken(followed: Followed, request: ReaderRequest) -> int:
    """Open streams until one is refused; give how many were opened."""
    count = 0
    while True:
        try:
            followed.follow(request)
        except (TooManyRequests, TooManyStreams):
            return count
        count += 1


def test_fresh_accounts_of_one_network_leave_room_for_others() -> None:
    followed = Followed(SHARED)
    for number in range(32):
        taken(followed, ReaderRequest(user_id=f"fresh-{number}", address="192.0.2.1"))
    assert len(followed.followers) == 75
    with pytest.raises(TooManyStreams, match=r"192\.0\.2\.1 has 75 open streams"):
        followed.follow(ReaderRequest(user_id="fresh-33", address="192.0.2.1"))
    followed.follow(ReaderRequest(user_id="good", address="192.0.2.2"))


def test_fresh_accounts_of_many_networks_leave_room_for_who_has_none() -> None:
    followed = Followed(SHARED)
    for number in range(12):
        taken(followed, ReaderRequest(user_id=f"u-{number}", address=f"192.0.2.{number}"))
    followed.follow(ReaderRequest(user_id="good", address="198.51.100.1"))


def test_networks_of_one_customer_are_counted_together() -> None:
    followed = Followed(SHARED)
    for number in range(40):
        address = f"2001:db8:1:{number:x}::1"
        taken(followed, ReaderRequest(user_id=f"u-{number}", address=address))
    assert len(followed.followers) <= 75
    followed.follow(ReaderRequest(user_id="good", address="2001:db8:2::1"))


def test_an_account_gets_less_than_its_cap_where_little_is_free() -> None:
    followed = Followed(SHARED)
    assert taken(followed, ReaderRequest(user_id="user")) == 20
    with pytest.raises(TooManyRequests, match="20 open streams") as refused:
        followed.follow(ReaderRequest(user_id="user"))
    assert refused.value.code == "too_many_readers"


def test_a_share_is_given_back_with_its_place() -> None:
    followed = Followed(SHARED)
    places = [followed.follow(ReaderRequest(user_id="u", address="192.0.2.1")) for _ in range(20)]
    for place in places:
        place.close()
    assert taken(followed, ReaderRequest(user_id="u", address="192.0.2.1")) == 20


def test_without_shares_one_account_and_network_may_have_everything() -> None:
    followed = Followed(ReaderCaps(streams=50, per_run=50, per_user=None))
    assert taken(followed, ReaderRequest(user_id="user", address="192.0.2.1")) == 50
