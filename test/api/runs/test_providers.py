"""Which providers may be asked, and how a request chooses among them."""

from decimal import Decimal

import pytest
from api.accounts import MakeApp
from api.calls import ApiUser, refused
from api.choices import chosen, configured, provider_in
from wires.fixtures import WireServer

from services.admission.breakers.base import BreakerState
from services.domain.catalog import Strategy
from services.providers.registry import VENDORS

NOBODY = "http://127.0.0.1:9/v1"
"""Port 9 discards: these tests begin runs there, and look only at which provider was chosen."""

ALL = list(VENDORS)
PROVIDER = {"name", "configured", "default", "any_model", "healthy", "models", "limits", "waiting"}
MODEL = {"name", "tier", "window", "max_output", "reasons", "sees", "price", "ends"} | {
    "takes_temperature",
    "max_temperature",
}


@pytest.fixture
def chooser(make_app: MakeApp) -> ApiUser:
    """Give the calls of a user whose server has three providers."""
    app = make_app(
        OPENAI_API_KEY="sk-nobody",
        LOCAL_BASE_URL=NOBODY,
        DEFAULT_PROVIDER="scripted",
        PROVIDER_RETRIES="0",
    )
    return ApiUser.of(app)


def model_of_openai(user: ApiUser) -> str:
    return str(provider_in(user.json("/api/providers"), "openai")["models"][0]["name"])


def test_a_server_without_any_key_offers_the_script(ann: ApiUser) -> None:
    state = ann.json("/api/providers")

    assert set(state) == {"providers", "default", "strategies", "default_strategy"}
    assert state["default"] == {"provider": "scripted", "model": "scripted-1"}
    assert configured(state) == ["scripted"]
    scripted = provider_in(state, "scripted")
    assert set(scripted) == PROVIDER
    assert scripted["default"] is True
    assert scripted["any_model"] is False
    assert scripted["healthy"] is True
    assert scripted["limits"] is None
    (model,) = scripted["models"]
    assert set(model) == MODEL | {"breaker"}
    assert model["window"] > model["max_output"] > 0
    assert model["breaker"] == "closed"


def test_what_is_not_configured_is_listed_without_models(ann: ApiUser) -> None:
    state = ann.json("/api/providers")

    assert [provider["name"] for provider in state["providers"]] == ALL
    for name in ALL[:-1]:
        provider = provider_in(state, name)
        assert (provider["models"], provider["healthy"]) == ([], False)
        assert ann.json(f"/api/providers/{name}/models") == {"items": []}


def test_the_strategies_are_listed(make_app: MakeApp) -> None:
    state = ApiUser.of(make_app(DEFAULT_STRATEGY="cheap")).json("/api/providers")

    assert state["strategies"] == list(Strategy)
    assert state["default_strategy"] == "cheap"


def test_prices_are_exact_and_limits_are_those_of_the_settings(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(OPENAI_API_KEY="sk-nobody", OPENAI_RPM="7", OPENAI_TPM="0"))

    openai = provider_in(ann.json("/api/providers"), "openai")

    assert openai["limits"] == {
        "requests": {"limit": 7, "remaining": 7},
        "tokens": None,
        "reset_seconds": 0,
    }
    assert openai["waiting"] == 0
    prices = [model["price"] for model in openai["models"] if model["price"]]
    assert prices
    for price in prices:
        assert set(price) == {"input", "output", "cached_input", "currency"}
        assert price["currency"] == "USD"
        assert 0 < Decimal(price["input"]) < Decimal(price["output"])


def test_the_documented_states_of_a_breaker_are_those_that_there_are(ann: ApiUser) -> None:
    schemas = ann.json("/api/openapi.json")["components"]["schemas"]

    assert schemas["ModelState"]["properties"]["breaker"]["enum"] == list(BreakerState)


def test_the_live_list_of_a_provider_is_compared_with_what_is_offered(
    make_app: MakeApp, wire: WireServer
) -> None:
    ann = ApiUser.of(make_app(OPENAI_BASE_URL=wire.base_url, OPENAI_API_KEY="sk-nobody"))

    items = ann.json("/api/providers/openai/models")["items"]

    listed = {item["name"]: item["listed"] for item in items}
    offered = provider_in(ann.json("/api/providers"), "openai")["models"]
    assert listed == {**{model["name"]: False for model in offered}, "plain": True} | {
        "reasoning": True
    }
    assert all(set(item) == MODEL | {"listed"} for item in items)


def test_a_live_list_that_cannot_be_had_is_null(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(OPENAI_BASE_URL=NOBODY, OPENAI_API_KEY="sk-nobody"))

    response = ann.get("/api/providers/openai/models")

    items = response.get_json()["items"]
    assert items
    assert {item["listed"] for item in items} == {None}
    assert "sk-nobody" not in response.text
    assert "127.0.0.1" not in response.text


def test_the_models_of_the_script_are_there(ann: ApiUser) -> None:
    (model,) = ann.json("/api/providers/scripted/models")["items"]

    assert (model["name"], model["listed"], model["price"]) == ("scripted-1", True, None)


@pytest.mark.parametrize("name", ["nobody", "Scripted", "%00", "*"])
def test_the_models_of_nobody_are_404(ann: ApiUser, name: str) -> None:
    refused(ann.get(f"/api/providers/{name}/models"), 404, "not_found")


def test_a_configured_provider_comes_first_and_is_the_default(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(OPENAI_API_KEY="sk-nobody", SCRIPTED="on"))

    state = ann.json("/api/providers")

    assert configured(state) == ["openai", "scripted"]
    assert [one["name"] for one in state["providers"] if one["default"]] == ["openai"]
    assert state["default"]["provider"] == "openai"
    openai = provider_in(state, "openai")
    assert state["default"]["model"] in [model["name"] for model in openai["models"]]
    assert openai["any_model"] is False


def test_a_provider_with_an_address_of_its_own_takes_any_model(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(LOCAL_BASE_URL=NOBODY, DEFAULT_MODEL="llama"))

    state = ann.json("/api/providers")

    local = provider_in(state, "local")
    assert configured(state) == ["local"]
    assert local["any_model"] is True
    assert "*" not in [model["name"] for model in local["models"]]
    assert state["default"] == {"provider": "local", "model": "llama"}


def test_no_key_and_no_address_is_told(chooser: ApiUser) -> None:
    text = chooser.get("/api/providers").text

    assert "sk-nobody" not in text
    assert "127.0.0.1" not in text


def test_a_stranger_is_told_nothing(ann: ApiUser) -> None:
    for path in ("/api/providers", "/api/providers/scripted/models"):
        refused(ann.client.get(path), 401, "unauthorized")


def test_a_request_chooses_before_its_session_and_that_before_the_default(
    chooser: ApiUser,
) -> None:
    of_openai = model_of_openai(chooser)
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
    of_openai = model_of_openai(chooser)
    session = chooser.new_session()
    wrong = [
        ("model", {"model": "nobody-has-it"}),
        ("model", {"model": "nobody-has-it", "provider": "scripted"}),
        ("model", {"model": of_openai, "provider": "scripted"}),
        ("model", {"model": "*", "provider": "scripted"}),
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


def test_without_an_address_every_name_is_checked(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(OPENAI_API_KEY="sk-nobody", ANTHROPIC_BASE_URL=NOBODY))
    session = ann.new_session()

    for choice in (
        {"model": "nobody-has-it"},
        {"model": "nobody-has-it", "provider": "openai"},
        {"model": "nobody-has-it", "provider": "anthropic"},
        {"model": "*", "provider": "openai"},
    ):
        problem = refused(
            ann.post(f"/sessions/{session}/stream", {"content": "Hi", **choice}),
            422,
            "model_not_available",
        )
        assert "model" in problem["errors"], choice


@pytest.mark.parametrize("strategy", ["slow", "FAST", "", 5, ["fast"], {"fast": 1}])
def test_an_unknown_strategy_is_422_and_the_known_ones_are_named(
    ann: ApiUser, strategy: object
) -> None:
    session = ann.new_session()

    for path in (f"/sessions/{session}/stream", "/api/chat"):
        problem = refused(
            ann.post(path, {"content": "Hi", "strategy": strategy}), 422, "invalid_request"
        )
        assert list(problem["errors"]) == ["strategy"]
        assert all(known in problem["errors"]["strategy"][0] for known in Strategy)


def test_a_known_strategy_and_a_priority_are_taken(ann: ApiUser) -> None:
    session = ann.new_session()

    for strategy in (*Strategy, None):
        answer = ann.ask(session, "yes", strategy=strategy, priority="background")
        assert answer.text == "yes"


@pytest.mark.parametrize("priority", ["urgent", "", None, 1])
def test_an_unknown_priority_is_422(ann: ApiUser, priority: object) -> None:
    problem = refused(
        ann.post("/api/chat", {"content": "Hi", "priority": priority}), 422, "invalid_request"
    )

    assert list(problem["errors"]) == ["priority"]
