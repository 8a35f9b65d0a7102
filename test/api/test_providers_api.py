"""Who may be asked, and how a request chooses among them."""

import pytest
from api_accounts import MakeApp
from api_calls import ApiUser, refused
from chat_client import Json

NOBODY = "http://127.0.0.1:9/v1"
"""Port 9 discards: these tests begin runs there and look only at who was chosen."""

PROVIDER = {"name", "configured", "default", "any_model", "models"}
MODEL = {"name", "window", "max_output", "reasons", "takes_temperature"}


@pytest.fixture
def chooser(make_app: MakeApp) -> ApiUser:
    """Give the calls of somebody whose server has three providers."""
    app = make_app(
        OPENAI_API_KEY="sk-nobody",
        LOCAL_BASE_URL=NOBODY,
        DEFAULT_PROVIDER="scripted",
        PROVIDER_RETRIES="0",
    )
    return ApiUser.of(app)


def names(state: Json) -> list[str]:
    return [provider["name"] for provider in state["providers"]]


def chosen(user: ApiUser, session: str, **choice: str) -> tuple[str, str]:
    """Tell who was chosen for a message; who it is need not answer."""
    stream = user.send(session, "/slow 60000 /long 1", **choice)
    assert stream.status == 200, stream.response.text
    start = stream.read(1)[0].event
    user.post(f"/runs/{start['run_id']}/stop")
    stream.answer()
    return start["provider"], start["model"]


def test_a_server_without_any_key_offers_the_script(ann: ApiUser) -> None:
    state = ann.json("/api/providers")

    assert set(state) == {"providers", "default"}
    assert state["default"] == {"provider": "scripted", "model": "scripted-1"}
    (scripted,) = state["providers"]
    assert set(scripted) == PROVIDER
    assert scripted["default"] is True
    assert scripted["any_model"] is False
    (model,) = scripted["models"]
    assert set(model) == MODEL
    assert model["window"] > model["max_output"] > 0


def test_a_configured_provider_comes_first_and_is_the_default(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(OPENAI_API_KEY="sk-nobody"))

    state = ann.json("/api/providers")

    assert names(state) == ["openai", "scripted"]
    assert [provider["default"] for provider in state["providers"]] == [True, False]
    assert state["default"]["provider"] == "openai"
    models = [model["name"] for model in state["providers"][0]["models"]]
    assert state["default"]["model"] in models
    assert state["providers"][0]["any_model"] is False


def test_a_provider_with_an_address_of_its_own_takes_any_model(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(LOCAL_BASE_URL=NOBODY, DEFAULT_MODEL="llama"))

    state = ann.json("/api/providers")

    assert names(state) == ["local", "scripted"]
    assert state["providers"][0]["any_model"] is True
    assert "*" not in [model["name"] for model in state["providers"][0]["models"]]
    assert state["default"] == {"provider": "local", "model": "llama"}


def test_no_key_and_no_address_is_told(chooser: ApiUser) -> None:
    text = chooser.get("/api/providers").text

    assert "sk-nobody" not in text
    assert "127.0.0.1" not in text


def test_a_stranger_is_told_nothing(ann: ApiUser) -> None:
    refused(ann.client.get("/api/providers"), 401, "unauthorized")


def test_a_request_chooses_before_its_session_and_that_before_the_default(
    chooser: ApiUser,
) -> None:
    state = chooser.json("/api/providers")
    of_openai = state["providers"][0]["models"][0]["name"]
    plain, local = chooser.new_session(), chooser.new_session(provider="local", model="llama")

    assert chosen(chooser, plain) == ("scripted", "scripted-1")
    assert chosen(chooser, local) == ("local", "llama")
    assert chosen(chooser, local, provider="scripted") == ("scripted", "scripted-1")
    assert chosen(chooser, plain, model=of_openai) == ("openai", of_openai)
    assert chosen(chooser, plain, model=of_openai, provider="openai") == ("openai", of_openai)
    assert chooser.json(f"/sessions/{local}")["model"] == "llama"


def test_a_name_that_the_catalog_does_not_know_goes_to_the_provider_with_an_address(
    chooser: ApiUser,
) -> None:
    session = chooser.new_session()

    assert chosen(chooser, session, model="llama:7b", provider="local") == ("local", "llama:7b")


def test_it_goes_to_the_default_provider_where_none_is_named(make_app: MakeApp) -> None:
    app = make_app(LOCAL_BASE_URL=NOBODY, DEFAULT_MODEL="llama", PROVIDER_RETRIES="0")
    ann = ApiUser.of(app)

    assert chosen(ann, ann.new_session(), model="llama:7b") == ("local", "llama:7b")


def test_a_name_that_nobody_takes_is_422(chooser: ApiUser) -> None:
    of_openai = chooser.json("/api/providers")["providers"][0]["models"][0]["name"]
    session = chooser.new_session()
    wrong = [
        ("model", {"model": "nobody-has-it"}),
        ("model", {"model": "nobody-has-it", "provider": "openai"}),
        ("model", {"model": of_openai, "provider": "scripted"}),
        ("model", {"model": "*", "provider": "openai"}),
        ("provider", {"model": "nobody-has-it", "provider": "nobody"}),
        ("provider", {"provider": "nobody"}),
        ("provider", {"provider": "Scripted"}),
    ]

    for field, choice in wrong:
        body = {"content": "Hi", **choice}
        for path in (f"/sessions/{session}/stream", "/api/chat"):
            problem = refused(chooser.post(path, body), 422, "model_not_available")
            assert field in problem["errors"], choice
    assert chooser.messages(session) == []
    assert len(chooser.json("/sessions")["items"]) == 1
