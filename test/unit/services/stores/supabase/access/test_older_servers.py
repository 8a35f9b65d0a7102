"""A server of the previous release, on a project that has the migrations of this release."""

from datetime import UTC, datetime, timedelta

import msgspec
from stack.supabase_stack import SupabaseStack
from worlds.stores import (
    NOW,
    OTHER_WORKER,
    PRICE,
    WORKER,
    attempt,
    call,
    new_id,
    settlement_of,
    turn_in,
)

from services.domain.catalog import ModelChoice
from services.domain.runs import RunBeat
from services.domain.sessions import Session
from services.stores.base.accounts.logins import Login, RefreshToken, Renewal
from services.stores.supabase.store import SupabaseStore
from services.stores.supabase.turns.settle import settlement_json

SMALL = ModelChoice(None, "small")


def text_of(value: object) -> str:
    """Write an argument as the server does."""
    return msgspec.json.encode(value).decode()


def test_the_calls_that_its_beats_only_count_went_to_the_model_of_the_begin(
    supabase: SupabaseStack, store: SupabaseStore, session: Session
) -> None:
    run = store.runs.begin_turn(turn_in(session, choice=SMALL)).run
    told = {"run_id": run.id, "epoch": 1, "seq": 3, "text": "Hel", "attempt": 2}
    beat = {"worker_id": WORKER, "now": NOW, "revocation_window_seconds": 60, "beats": [told]}

    supabase.sql("select beat($1::jsonb)", text_of(beat))

    [claimed] = store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)
    assert claimed.text == "Hel"
    assert claimed.calls == tuple(call(n, model="small", price=PRICE) for n in (1, 2))


def test_an_attempt_that_it_books_has_no_code(
    supabase: SupabaseStack, store: SupabaseStore, session: Session
) -> None:
    run = store.runs.begin_turn(turn_in(session)).run
    booked = msgspec.to_builtins(settlement_json(settlement_of(run)))
    del booked["attempts"][0]["code"]

    supabase.sql("select settle_turn($1::json)", text_of(booked))

    assert store.runs.get(run.user_id, run.id).attempts == (attempt(),)


def test_it_finds_in_a_claim_how_many_calls_were_made(
    supabase: SupabaseStack, store: SupabaseStore, session: Session
) -> None:
    run = store.runs.begin_turn(turn_in(session)).run
    store.runs.beat(WORKER, [RunBeat(run.id, 1, None, [call(1), call(2)])], NOW)

    [row] = supabase.sql("select claim_dead($1, array[$2], 10) as claims", OTHER_WORKER, WORKER)

    assert [claim["attempt"] for claim in row["claims"]] == [2]


def test_it_opens_and_renews_logins(supabase: SupabaseStack, store: SupabaseStore) -> None:
    login = Login(new_id(), new_id())
    opening = (
        "select open_login(p_id => $1::text::uuid, p_user => $2::text::uuid, p_token_hash => 'a',"
        " p_issued_at => now(), p_expires_at => now() + interval '1 day')"
    )
    renewing = (
        "select rotate_token(p_old_hash => 'a', p_token_hash => $1, p_issued_at => now(),"
        " p_expires_at => now() + interval '1 day', p_grace_seconds => 30)"
    )

    [opened] = supabase.sql(opening, login.id, login.user_id)
    [renewed] = supabase.sql(renewing, "b")
    supabase.sql(renewing, "c")

    assert opened["open_login"] is None
    assert renewed["rotate_token"]["id"] == login.id
    now, grace = datetime.now(UTC), timedelta(seconds=30)
    for old in "abc":
        made = RefreshToken(f"{old}1", now, now + timedelta(days=1), "seed")
        assert store.logins.rotate(old, made, grace) == Renewal(login, "seed")
