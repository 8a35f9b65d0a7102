"""Who may register, and what one-time links do."""

from typing import Any

import pytest
from api.accounts import PASSWORD, MakeApp, sign_up
from flask import Flask
from flask.testing import FlaskClient
from subjects.loaded_settings import SECRET

from services.identity.registration import Registrations
from services.settings.load import load_settings

ANN, BOB = "ann@example.org", "bob@example.org"
NEW = "another good password"


def post(client: FlaskClient, path: str, **body: object) -> tuple[int, dict[str, Any]]:
    response = client.post(f"/api/auth/{path}", json=body)
    return response.status_code, response.get_json()


def register(client: FlaskClient, email: str = ANN, **more: object) -> tuple[int, dict[str, Any]]:
    return post(client, "register", email=email, password=PASSWORD, **more)


def registrations_of(app: Flask) -> Registrations:
    """Give what the operator's commands use."""
    made: Registrations = app.extensions["charla"].identity.registrations
    return made


@pytest.mark.parametrize("rule", ["open", "invite", "off"])
def test_anybody_may_ask_who_may_register(make_app: MakeApp, rule: str) -> None:
    answer = make_app(REGISTRATION=rule).test_client().get("/api/auth/registration")

    assert (answer.status_code, answer.get_json()) == (200, {"registration": rule})


@pytest.mark.parametrize("rule", ["invite", "off"])
def test_a_closed_registration_is_a_refusal_of_its_own(make_app: MakeApp, rule: str) -> None:
    client = make_app(REGISTRATION=rule).test_client()

    status, problem = register(client)

    assert (status, problem["code"]) == (403, "registration_closed")
    assert post(client, "login", email=ANN, password=PASSWORD)[0] == 401


def test_an_invitation_makes_one_account(make_app: MakeApp) -> None:
    app = make_app(REGISTRATION="invite")
    client = app.test_client()
    token = registrations_of(app).invite(None).token

    assert register(client, invite=token)[0] == 201
    assert register(client, BOB, invite=token)[1]["code"] == "invalid_link"
    assert post(client, "login", email=ANN, password=PASSWORD)[0] == 200


@pytest.mark.parametrize(
    ("settings", "roles"),
    [
        ({}, ["admin", "member"]),
        ({"APP_ENV": "production", "JWT_SECRET_KEY": SECRET}, ["member", "member"]),
    ],
)
def test_the_first_account_is_the_admin_also_by_invitation_but_not_in_production(
    make_app: MakeApp, settings: dict[str, str], roles: list[str]
) -> None:
    app = make_app(REGISTRATION="invite", **settings)
    client = app.test_client()
    tokens = [registrations_of(app).invite(None).token for _ in range(2)]

    made = [
        register(client, who, invite=token)[1]
        for who, token in zip((ANN, BOB), tokens, strict=True)
    ]

    assert [one["user"]["role"] for one in made] == roles


def test_an_invitation_for_an_address_is_for_that_address(make_app: MakeApp) -> None:
    app = make_app(REGISTRATION="invite")
    client = app.test_client()
    token = registrations_of(app).invite(ANN).token

    of_another, unknown = (
        register(client, BOB, invite=token),
        register(client, BOB, invite="x" * 32),
    )

    assert of_another[0] == unknown[0] == 403
    assert of_another[1]["detail"] == unknown[1]["detail"]
    assert register(client, ANN.upper(), invite=token)[0] == 201


def test_no_invitation_counts_where_registration_is_off(make_app: MakeApp) -> None:
    status, problem = register(make_app(REGISTRATION="off").test_client(), invite="x" * 32)

    assert (status, problem["code"]) == (403, "registration_closed")


def test_an_address_that_is_taken_leaves_the_invitation_good(make_app: MakeApp) -> None:
    app = make_app()
    client = app.test_client()
    sign_up(client, ANN)
    token = registrations_of(app).invite(None).token

    assert register(client, ANN, invite=token)[1]["code"] == "email_taken"
    assert register(client, BOB, invite=token)[0] == 201


def test_a_link_chooses_a_password_once_and_ends_all_other_logins(make_app: MakeApp) -> None:
    app = make_app()
    client = app.test_client()
    ann = sign_up(client, ANN)
    made = registrations_of(app).reset_password(ANN)
    assert made is not None

    status, answer = post(client, "password/reset", token=made.token, password=NEW)

    assert (status, answer["user"]) == (200, ann.tokens["user"])
    assert client.get("/api/auth/me", headers=ann.headers).status_code == 401
    assert post(client, "refresh", refresh_token=ann.tokens["refresh_token"])[0] == 401
    assert post(client, "refresh", refresh_token=answer["refresh_token"])[0] == 200
    assert post(client, "login", email=ANN, password=PASSWORD)[0] == 401
    assert post(client, "login", email=ANN, password=NEW)[0] == 200
    again = post(client, "password/reset", token=made.token, password=PASSWORD)
    assert (again[0], again[1]["code"]) == (403, "invalid_link")


def test_a_newer_link_ends_the_older_and_a_guess_looks_the_same(make_app: MakeApp) -> None:
    app = make_app()
    client = app.test_client()
    sign_up(client, ANN)
    old, new = (registrations_of(app).reset_password(ANN) for _ in range(2))
    assert old
    assert new

    replaced = post(client, "password/reset", token=old.token, password=NEW)
    guessed = post(client, "password/reset", token="x" * 32, password=NEW)

    for answer in (replaced, guessed):
        assert (answer[0], answer[1]["detail"]) == (403, replaced[1]["detail"])
    assert post(client, "password/reset", token=new.token, password=NEW)[0] == 200


def test_a_link_for_a_new_password_ends_when_the_password_is_changed(make_app: MakeApp) -> None:
    app = make_app()
    client = app.test_client()
    ann = sign_up(client, ANN)
    made = registrations_of(app).reset_password(ANN)
    assert made is not None
    change = {"current": PASSWORD, "new": NEW}

    changed = client.post("/api/auth/password", json=change, headers=ann.headers)

    assert changed.status_code == 204
    stale = post(client, "password/reset", token=made.token, password=PASSWORD)
    assert (stale[0], stale[1]["code"]) == (403, "invalid_link")
    assert post(client, "login", email=ANN, password=NEW)[0] == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"token": "x", "password": "short"}, "password"),
        ({"token": "", "password": NEW}, "token"),
        ({"token": "x" * 257, "password": NEW}, "token"),
        ({"token": ["x"], "password": NEW}, "token"),
        ({"password": NEW}, "token"),
    ],
)
def test_a_reset_that_breaks_a_rule_names_the_field(
    client: FlaskClient, body: dict[str, object], field: str
) -> None:
    status, problem = post(client, "password/reset", **body)

    assert (status, list(problem["errors"])) == (422, [field])


def test_links_are_limited_per_address(make_app: MakeApp) -> None:
    client = make_app(RATE_LIMIT_LOGIN="2 per hour").test_client()

    answers = [post(client, "password/reset", token="x", password=NEW)[0] for _ in range(3)]

    assert answers == [403, 403, 429]


def test_in_production_nobody_becomes_admin_by_being_the_first(make_app: MakeApp) -> None:
    app = make_app(APP_ENV="production", JWT_SECRET_KEY=SECRET, REGISTRATION="open")
    client = app.test_client()

    assert register(client)[1]["user"]["role"] == "member"

    link = registrations_of(app).make_admin(BOB)
    assert link is not None
    made = post(client, "password/reset", token=link.token, password=NEW)[1]
    assert (made["user"]["email"], made["user"]["role"]) == (BOB, "admin")


def test_registration_is_off_by_default_only_in_production_with_supabase(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    project = {"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_KEY": "sb_secret_0123456789"}
    production = {"APP_ENV": "production", "JWT_SECRET_KEY": SECRET}

    def registration(**environ: str) -> str:
        folder = str(tmp_path_factory.mktemp("data"))
        return load_settings({"DATA_DIR": folder, **environ}).registration.value

    assert registration() == registration(**project) == registration(**production) == "open"
    assert registration(**project, **production) == "off"
    assert registration(**project, **production, REGISTRATION="invite") == "invite"
