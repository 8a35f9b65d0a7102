"""What a project answers when it does not do what it was asked."""

import traceback

import pytest
from stack.rest_server import CUT, RestServer
from worlds.stores import NOW, later, new_id, new_session

from services.domain.errors.outages import StoreUnavailable
from services.stores.base.accounts.logins import Login, RefreshToken
from services.stores.supabase.access.errors import (
    KEY_REFUSED,
    SCHEMA_MISSING,
    BrokenConstraint,
    RefusedCall,
)
from services.stores.supabase.store import SupabaseStore

PLAIN = StoreUnavailable().detail


def problem(code: str | None) -> dict[str, object]:
    """Answer as PostgREST does; what the texts say must not matter."""
    return {"code": code, "message": "some text", "details": None, "hint": None}


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (401, {"message": "No API key found in request"}, KEY_REFUSED),
        (403, b"<html>forbidden</html>", KEY_REFUSED),
        (401, problem("PGRST301"), KEY_REFUSED),
        (401, problem("PGRST303"), KEY_REFUSED),
        (403, problem("42501"), KEY_REFUSED),
        (404, problem("PGRST202"), SCHEMA_MISSING),
        (404, problem("PGRST205"), SCHEMA_MISSING),
        (404, problem("42883"), SCHEMA_MISSING),
        (404, problem("42P01"), SCHEMA_MISSING),
        (400, problem("42703"), SCHEMA_MISSING),
        (503, problem("PGRST001"), PLAIN),
        (504, problem("PGRST003"), PLAIN),
        (500, problem("57014"), PLAIN),
        (500, problem("57P01"), PLAIN),
        (500, problem("53300"), PLAIN),
        (500, problem("55P03"), PLAIN),
        (500, problem(None), PLAIN),
        (502, b"<html>bad gateway</html>", PLAIN),
        (502, b"\xff\xfe", PLAIN),
        (404, b"", PLAIN),
        (301, b"", PLAIN),
        (429, [], PLAIN),
        (200, b"no json", PLAIN),
        (200, b"\xff", PLAIN),
        (200, {"an": "object"}, PLAIN),
    ],
)
def test_a_project_that_does_not_work_is_a_store_that_is_away(
    server: RestServer, store_of_server: SupabaseStore, status: int, body: object, detail: str
) -> None:
    server.answers = [(status, body)] * 10

    with pytest.raises(StoreUnavailable) as away:
        store_of_server.logins.is_live(new_id())

    assert away.value.detail == detail
    assert away.value.__cause__ is not None


@pytest.mark.parametrize("code", ["23505", "23503", "23514", "22P02", "22003"])
def test_a_value_that_the_database_refuses_is_the_callers_mistake(
    server: RestServer, store_of_server: SupabaseStore, code: str
) -> None:
    server.answers = [(409, problem(code))]
    token = RefreshToken("hash", NOW, later(60))

    with pytest.raises(BrokenConstraint, match=code) as refused:
        store_of_server.logins.open(Login(new_id(), new_id()), token)

    assert isinstance(refused.value.__cause__, RefusedCall)
    assert len(server.calls) == 1


@pytest.mark.parametrize("answer", [(401, problem("PGRST301")), (500, problem(None)), CUT])
def test_no_error_shows_the_key(
    server: RestServer, store_of_server: SupabaseStore, answer: tuple[int, object] | str
) -> None:
    server.answers = [answer] * 10

    with pytest.raises(StoreUnavailable) as away:
        store_of_server.sessions.create(new_session(new_id()))

    assert "a-key-that" not in "".join(traceback.format_exception(away.value))
