"""How addresses are compared, and what becomes of those that an older release folded."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from worlds.stores import NOW, new_id

from services.domain.errors.conflicts import EmailTaken
from services.domain.users import User
from services.stores.base.accounts.users import NewUser
from services.stores.base.store import Store
from services.stores.sqlite.store import FILE_NAME, SqliteStore

Older = Callable[[User, str, str], User]


def add(store: Store, email: str) -> User:
    """Make an account."""
    return store.users.add(
        NewUser(id=new_id(), email=email, name=None, password_hash="hash", created_at=NOW)
    )


def owner(store: Store, email: str) -> User | None:
    """Find whose an address is."""
    found = store.users.credentials(email)
    return found.user if found else None


@pytest.fixture
def older(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Older:
    """Write an address, and the form in which it was looked up, as an older release did."""

    def write(user: User, email: str, folded: str) -> User:
        changed = "update users set email = $1, email_folded = $2"
        if isinstance(store, SqliteStore):
            with closing(sqlite3.connect(tmp_path / "data" / FILE_NAME)) as there, there:
                there.execute(f"{changed} where id = $3", (email, folded, user.id))
        else:
            sql = request.getfixturevalue("supabase").sql
            sql(f"{changed} where id = $3::text::uuid", email, folded, user.id)
        return replace(user, email=email)

    return write


@pytest.mark.parametrize(
    ("made", "typed"),
    [
        ("ann@bücher.example", "ANN@xn--bcher-kva.EXAMPLE"),
        ("ann@xn--bcher-kva.example", "ann@BÜCHER.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("ann@例え.jp", "ann@xn--r8jz45g.jp"),
        ("ann@example.org", "ann@example.org\u3002"),
        ("jose\u0301@example.org", "jos\u00e9@example.org"),
        ("Ünal@example.org", "ÜNAL@example.org"),
    ],
)
def test_spellings_of_one_address_are_one_account(store: Store, made: str, typed: str) -> None:
    user = add(store, made)

    assert owner(store, typed) == user
    with pytest.raises(EmailTaken):
        add(store, typed)


@pytest.mark.parametrize(
    ("made", "another"),
    [
        ("ann@straße.example", "ann@strasse.example"),
        ("straße@example.org", "strasse@example.org"),
        ("iris@example.org", "\u0131ris@example.org"),  # a dotless i
        ("\u017fam@example.org", "sam@example.org"),  # a long s
        ("kim@example.org", "\uff4bim@example.org"),  # a wide k
    ],
)
def test_addresses_that_only_look_or_fold_alike_are_two_accounts(
    store: Store, made: str, another: str
) -> None:
    first, second = add(store, made), add(store, another)

    assert (owner(store, made), owner(store, another)) == (first, second)


def test_an_account_of_an_older_release_is_found_and_rewritten(store: Store, older: Older) -> None:
    user = older(add(store, "ann@example.org"), "Ann@Straße.example", "ann@strasse.example")

    assert owner(store, "ann@strasse.example") is None
    assert owner(store, "ann@straße.example") == user
    assert add(store, "ann@strasse.example") != user
    assert owner(store, "Ann@Straße.example") == user


def test_an_account_of_an_older_release_is_found_by_its_punycode(
    store: Store, older: Older
) -> None:
    user = older(add(store, "a@example.org"), "ann@bücher.example", "ann@bücher.example")

    with pytest.raises(EmailTaken):
        add(store, "ann@xn--bcher-kva.example")
    assert owner(store, "ann@xn--bcher-kva.example") == user


def test_two_older_accounts_of_one_address_are_each_found_as_they_were_made(
    store: Store, older: Older
) -> None:
    unicode, punycode = "ann@bücher.example", "ann@xn--bcher-kva.example"
    first = older(add(store, "a@example.org"), unicode, unicode)
    second = older(add(store, "b@example.org"), punycode, punycode)

    with capture_logs() as told:
        found = [owner(store, unicode), owner(store, punycode), owner(store, unicode)]

    assert found == [first, second, first]
    assert {line["event"] for line in told} == {"email_of_two_accounts"}
    assert {line["user_id"] for line in told} == {first.id}
