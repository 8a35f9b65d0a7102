"""What a user of Supabase Auth is here, may do, and sees of other users."""

import pytest
from api.accounts import bearer, sign_up
from api.calls import ApiUser, refused
from api.supabase_users import (
    EC,
    RSA,
    SESSION_ID,
    USER_ID,
    Claims,
    Forge,
    MakeSupabaseApp,
    me,
    secretly,
    user_of,
)
from flask.testing import FlaskClient


def test_what_users_say_of_themselves_gives_them_nothing(
    client: FlaskClient, claims: Claims
) -> None:
    installation = sign_up(client).tokens["user"]["tenant_id"]
    wish = {"tenant_id": USER_ID, "role": "admin", "name": "Root", "email": "root@example.org"}

    known = me(client, EC.sign({**claims, "user_metadata": wish, "app_metadata": wish}))

    assert (known["tenant_id"], known["role"]) == (installation, "member")
    assert (known["email"], known["name"]) == ("ann@example.org", "Root")


@pytest.mark.parametrize(
    "changes",
    [
        {"email": None, "user_metadata": None, "session_id": None},
        {"email": 5, "user_metadata": {"full_name": 5, "name": ["x"]}, "session_id": {}},
    ],
    ids=["nothing", "nonsense"],
)
def test_a_user_may_have_neither_address_nor_name(
    client: FlaskClient, claims: Claims, changes: Claims
) -> None:
    known = me(client, EC.sign({**claims, **changes}))

    assert (known["id"], known["email"], known["name"]) == (USER_ID, None, None)


ANONYMOUS = {"is_anonymous": True, "email": "", "user_metadata": {}, "app_metadata": {}}


@pytest.mark.parametrize("sign", [EC.sign, RSA.sign, secretly])
def test_anonymous_users_may_not_call(client: FlaskClient, claims: Claims, sign: Forge) -> None:
    refusal = client.get("/api/auth/me", headers=bearer(sign({**claims, **ANONYMOUS})))

    assert (refusal.status_code, refusal.get_json()["code"]) == (401, "unauthorized")
    assert "Anonymous" in refusal.get_json()["detail"]


def test_anonymous_users_may_call_where_that_is_set(
    make_supabase_app: MakeSupabaseApp, claims: Claims
) -> None:
    client = make_supabase_app(takes_anonymous=True).test_client()

    known = me(client, EC.sign({**claims, **ANONYMOUS}))

    assert (known["id"], known["email"], known["name"]) == (USER_ID, None, None)


def test_a_project_with_an_address_of_its_own_for_browsers_names_it_in_tokens(
    make_supabase_app: MakeSupabaseApp, claims: Claims
) -> None:
    public = "https://supabase.example.com/auth/v1"
    client = make_supabase_app(issuer=public).test_client()

    assert me(client, EC.sign({**claims, "iss": public}))["id"] == USER_ID
    assert me(client, secretly({**claims, "iss": public}))["id"] == USER_ID
    for other in (claims["iss"], public + "/", "https://evil.example/auth/v1", None):
        token = EC.sign({**claims, "iss": other} if other else without_issuer(claims))
        assert client.get("/api/auth/me", headers=bearer(token)).status_code == 401


def without_issuer(claims: Claims) -> Claims:
    return {name: value for name, value in claims.items() if name != "iss"}


def test_logins_and_passwords_of_supabase_are_not_ours_to_change(
    client: FlaskClient, claims: Claims
) -> None:
    ann = user_of(client, EC.sign(claims))
    change = {"current": "seven quiet rivers run north", "new": "another long sentence"}

    problem = refused(ann.post("/api/auth/logout"), 409, "external_account")
    refused(ann.post("/api/auth/password", change), 409, "external_account")

    assert "Supabase Auth" in problem["detail"]
    assert ann.get("/api/auth/me").status_code == 200


def test_a_user_of_supabase_chats_as_any_other(client: FlaskClient, claims: Claims) -> None:
    ann = user_of(client, EC.sign(claims))

    session = ann.new_session(title="Mine")
    answer = ann.ask(session, "one two three")

    assert answer.terminal is not None
    assert answer.terminal["type"] == "done"
    assert ann.json(f"/sessions/{session}")["user_id"] == USER_ID
    assert [message["role"] for message in ann.messages(session)] == ["user", "assistant"]
    assert ann.delete(f"/sessions/{session}").status_code == 204


def test_the_same_address_is_no_link_to_a_local_account(
    client: FlaskClient, claims: Claims
) -> None:
    local = ApiUser(client, sign_up(client, "ann@example.org"))
    external = user_of(client, EC.sign(claims), "ann@example.org")
    of_local, of_external = local.new_session(), external.new_session()

    assert me(client, EC.sign(claims))["id"] != local.account.id
    for who, own, foreign in (
        (local, of_local, of_external),
        (external, of_external, of_local),
    ):
        assert [one["id"] for one in who.json("/sessions")["items"]] == [own]
        for path in (f"/sessions/{foreign}", f"/sessions/{foreign}/messages"):
            refused(who.get(path), 404, "not_found")
        refused(who.post(f"/sessions/{foreign}/stream", {"content": "Hi"}), 404, "not_found")
        refused(who.delete(f"/sessions/{foreign}"), 404, "not_found")


def test_two_users_of_supabase_see_nothing_of_each_other(
    client: FlaskClient, claims: Claims
) -> None:
    ann = user_of(client, EC.sign(claims))
    bob = user_of(client, RSA.sign({**claims, "sub": SESSION_ID}))
    session = ann.new_session()

    refused(bob.get(f"/sessions/{session}"), 404, "not_found")
    assert bob.json("/sessions")["items"] == []
