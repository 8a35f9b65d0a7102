"""One-time links, on every store."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from worlds.stores import NOW, UNKNOWN_ID, StoreAdapter, at_once, later, new_id

from services.domain.errors.conflicts import EmailTaken
from services.domain.users import Role, User
from services.stores.base.accounts.links import Link, LinkPurpose
from services.stores.base.accounts.logins import Login, Origin, RefreshToken
from services.stores.base.accounts.users import NewUser
from services.stores.base.store import Store

INVITATION, RESET = LinkPurpose.INVITATION, LinkPurpose.RESET


def invitation(**changes: Any) -> Link:
    """Describe an invitation for anybody, good for an hour."""
    made = Link(
        token_hash=new_id(),
        purpose=INVITATION,
        subject=None,
        created_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )
    return replace(made, **changes)


def new_user(email: str = "ada@example.org", **changes: Any) -> NewUser:
    """Describe an account."""
    new = NewUser(id=new_id(), email=email, name=None, password_hash="old", created_at=NOW)
    return replace(new, **changes)


def reset_of(user: User) -> Link:
    """Describe a reset of an account's password."""
    return invitation(purpose=RESET, subject=user.id)


def kept(store: Store, link: Link) -> Link:
    """Add a link."""
    store.links.add(link)
    return link


def test_a_link_is_found_as_it_was_made_until_it_expires(store: Store) -> None:
    link = kept(store, invitation(subject="ada@example.org"))

    assert store.links.find(INVITATION, link.token_hash, later(3599)) == link
    assert store.links.find(INVITATION, link.token_hash, link.expires_at) is None
    assert store.links.find(RESET, link.token_hash, NOW) is None
    assert store.links.find(INVITATION, "unknown", NOW) is None


def test_an_invitation_makes_one_account(store: Store) -> None:
    link = kept(store, invitation())
    new = new_user(role=Role.MEMBER)

    made = store.links.redeem_invitation(link.token_hash, NOW, new)

    assert made is not None
    assert (made.id, made.email, made.role) == (new.id, "ada@example.org", Role.MEMBER)
    assert store.links.redeem_invitation(link.token_hash, NOW, new_user("b@example.org")) is None
    assert store.users.credentials("b@example.org") is None


def test_an_invitation_for_a_taken_address_stays_good(store: Store) -> None:
    store.users.add(new_user("ADA@example.org"))
    link = kept(store, invitation())

    with pytest.raises(EmailTaken):
        store.links.redeem_invitation(link.token_hash, NOW, new_user())

    assert store.links.redeem_invitation(link.token_hash, NOW, new_user("b@example.org"))


def test_an_invitation_that_has_expired_makes_no_account(store: Store) -> None:
    link = kept(store, invitation())

    assert store.links.redeem_invitation(link.token_hash, later(3600), new_user()) is None
    assert store.users.credentials("ada@example.org") is None


def test_two_who_use_one_invitation_at_once_make_one_account(
    store_adapter: StoreAdapter, tmp_path: Path, store: Store
) -> None:
    link = kept(store, invitation())

    def redeem(email: str) -> Any:
        return lambda store: store.links.redeem_invitation(link.token_hash, NOW, new_user(email))

    jobs = [redeem(f"{letter}@example.org") for letter in "abcd"]
    made = at_once(store_adapter, tmp_path / "data", jobs)

    assert len([user for user in made if user is not None]) == 1


def test_a_newer_link_for_the_same_subject_takes_the_place_of_the_older(store: Store) -> None:
    ada, anybody = "ada@example.org", None
    old, other, open_to_all = (
        kept(store, invitation(subject=subject)) for subject in (ada, "b@example.org", anybody)
    )

    new = kept(store, invitation(subject=ada))
    kept(store, invitation(subject=anybody))

    found = [store.links.find(INVITATION, each.token_hash, NOW) for each in (old, other, new)]
    assert found == [None, other, new]
    assert store.links.find(INVITATION, open_to_all.token_hash, NOW) == open_to_all


def test_a_reset_replaces_the_hash_and_ends_the_logins_of_its_account_only(store: Store) -> None:
    ada, bob = store.users.add(new_user()), store.users.add(new_user("b@example.org"))
    logins = [Login(new_id(), user.id) for user in (ada, bob)]
    for login in logins:
        store.logins.open(login, RefreshToken(f"hash {login.id}", NOW, later(60)))
    link = kept(store, reset_of(ada))

    changed = store.links.redeem_reset(link.token_hash, NOW, "new")

    store.logins.forget(None)
    assert changed is True
    hashes = [known and known.password_hash for known in map(store.users.get, (ada.id, bob.id))]
    assert hashes == ["new", "old"]
    assert [store.logins.is_live(login.id) for login in logins] == [False, True]
    assert store.links.redeem_reset(link.token_hash, NOW, "again") is False


def test_a_changed_password_ends_in_one_step_what_stood_on_the_old_one(store: Store) -> None:
    ada, bob = store.users.add(new_user()), store.users.add(new_user("b@example.org"))
    own, other, bobs = (Login(new_id(), user.id) for user in (ada, ada, bob))
    for login in (own, other, bobs):
        origin = Origin(network="network")
        store.logins.open(login, RefreshToken(f"hash {login.id}", NOW, later(60)), origin)
    link, bobs_link = kept(store, reset_of(ada)), kept(store, reset_of(bob))

    refused = store.users.change_password(ada.id, "new", only_if="another", but=own.id)
    found = store.links.find(RESET, link.token_hash, NOW)
    changed = store.users.change_password(ada.id, "new", only_if="old", but=own.id)

    store.logins.forget(None)
    assert (refused, found, changed) == (False, link, True)
    assert [store.logins.is_live(login.id) for login in (own, other, bobs)] == [True, False, True]
    assert store.logins.knows_network(bob.id, "network")
    assert store.links.find(RESET, link.token_hash, NOW) is None
    assert store.links.find(RESET, bobs_link.token_hash, NOW) == bobs_link
    assert not store.users.change_password("x", "new", only_if="old", but="y")


def test_a_reset_of_no_account_changes_nothing(store: Store) -> None:
    ada = store.users.add(new_user())
    link = kept(store, reset_of(replace(ada, id=UNKNOWN_ID)))

    assert store.links.redeem_reset(link.token_hash, NOW, "new") is False
    assert store.links.redeem_reset("unknown", NOW, "new") is False


def test_expired_links_are_purged(store: Store) -> None:
    gone, left = kept(store, invitation()), kept(store, invitation(expires_at=later(7200)))

    assert store.links.purge(later(3601)) == 1
    assert store.links.find(INVITATION, gone.token_hash, NOW) is None
    assert store.links.find(INVITATION, left.token_hash, NOW) == left


def test_a_role_is_given_and_read_back(store: Store) -> None:
    store.users.add(new_user("first@example.org"))
    member = store.users.add(new_user())

    assert store.users.set_role(member.id, Role.ADMIN)

    known = store.users.get(member.id)
    assert known is not None
    assert known.user.role is Role.ADMIN
    assert not store.users.set_role(UNKNOWN_ID, Role.ADMIN)
    assert not store.users.set_role("x", Role.ADMIN)


def test_a_first_account_with_a_role_keeps_it(store: Store) -> None:
    assert store.users.add(new_user(role=Role.MEMBER)).role is Role.MEMBER
