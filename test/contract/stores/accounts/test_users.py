"""Accounts, on every store."""

from dataclasses import replace
from pathlib import Path

import pytest
from worlds.stores import NOT_IDS, NOW, UNKNOWN_ID, StoreAdapter, at_once, new_id

from services.domain.errors.conflicts import EmailTaken
from services.domain.users import Role, User
from services.stores.base.accounts.users import NewUser
from services.stores.base.store import Store


def new_user(email: str = "ada@example.org") -> NewUser:
    """Describe an account."""
    return NewUser(id=new_id(), email=email, name="Ada", password_hash="hash", created_at=NOW)


def test_the_first_account_is_admin_and_all_others_are_members(store: Store) -> None:
    first, second, third = (store.users.add(new_user(f"{n}@example.org")) for n in "abc")

    assert [first.role, second.role, third.role] == [Role.ADMIN, Role.MEMBER, Role.MEMBER]


def test_all_accounts_share_the_installations_tenant(store: Store) -> None:
    first, second = (store.users.add(new_user(f"{n}@example.org")) for n in "ab")

    assert first.tenant_id == second.tenant_id


def test_an_account_is_read_back_as_it_was_made(store: Store) -> None:
    new = new_user("Ada@Example.org")

    made = store.users.add(new)

    assert made == User(
        id=new.id,
        tenant_id=made.tenant_id,
        email="Ada@Example.org",
        name="Ada",
        role=Role.ADMIN,
        created_at=NOW,
    )
    found = store.users.get(new.id)
    assert found is not None
    assert (found.user, found.password_hash) == (made, "hash")


@pytest.mark.parametrize("typed", ["ADA@EXAMPLE.ORG", "ada@example.org", "aDa@eXample.Org"])
def test_an_address_is_found_without_case(store: Store, typed: str) -> None:
    made = store.users.add(new_user("Ada@Example.org"))

    found = store.users.credentials(typed)

    assert found is not None
    assert found.user == made


def test_a_second_account_with_the_same_address_is_refused_and_nothing_changes(
    store: Store,
) -> None:
    first = new_user()
    store.users.add(first)
    second = replace(new_user("ADA@example.org"), password_hash="another")

    with pytest.raises(EmailTaken):
        store.users.add(second)

    assert store.users.get(second.id) is None
    kept = store.users.credentials("ada@example.org")
    assert kept is not None
    assert (kept.user.id, kept.password_hash) == (first.id, "hash")


def test_first_registrations_at_once_make_one_admin(
    store_adapter: StoreAdapter, tmp_path: Path
) -> None:
    def register(store: Store) -> User:
        return store.users.add(new_user(f"{new_id()}@example.org"))

    users = at_once(store_adapter, tmp_path, [register] * 4)

    assert sorted(user.role for user in users) == [Role.ADMIN] + [Role.MEMBER] * 3
    assert len({user.tenant_id for user in users}) == 1


@pytest.mark.parametrize("email", ["", "nobody@example.org", "\ud800@example.org", "a\0b", "%"])
def test_an_unknown_address_finds_nobody(store: Store, email: str) -> None:
    store.users.add(new_user())

    assert store.users.credentials(email) is None


@pytest.mark.parametrize("user_id", [*NOT_IDS, UNKNOWN_ID])
def test_an_unknown_id_finds_nobody(store: Store, user_id: str) -> None:
    assert store.users.get(user_id) is None


def test_a_new_password_hash_replaces_the_old_one(store: Store) -> None:
    made = store.users.add(new_user())

    assert store.users.set_password(made.id, "new hash", only_if="hash")

    found = store.users.get(made.id)
    assert found is not None
    assert found.password_hash == "new hash"


def test_a_password_hash_that_was_replaced_meanwhile_stays(store: Store) -> None:
    made = store.users.add(new_user())
    store.users.set_password(made.id, "new hash", only_if="hash")

    assert not store.users.set_password(made.id, "late hash", only_if="hash")

    found = store.users.get(made.id)
    assert found is not None
    assert found.password_hash == "new hash"


def test_setting_one_password_leaves_those_of_others(store: Store) -> None:
    first, second = (store.users.add(new_user(f"{n}@example.org")) for n in "ab")

    store.users.set_password(first.id, "new hash", only_if="hash")

    other = store.users.get(second.id)
    assert other is not None
    assert other.password_hash == "hash"


@pytest.mark.parametrize("user_id", [*NOT_IDS, UNKNOWN_ID])
def test_a_password_of_nobody_cannot_be_set(store: Store, user_id: str) -> None:
    assert not store.users.set_password(user_id, "new hash", only_if="hash")


def test_the_tenant_is_the_same_before_and_after_the_first_account(store: Store) -> None:
    tenant_id = store.users.tenant_id()

    assert store.users.add(new_user()).tenant_id == tenant_id
    assert store.users.tenant_id() == tenant_id
