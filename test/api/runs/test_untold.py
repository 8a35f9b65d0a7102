"""What stands in no list, and is asked all the same where it is named."""

from pathlib import Path

from api.accounts import MakeApp
from api.calls import ApiUser, refused
from api.choices import chosen, configured, provider_in

from services.providers.registry import VENDORS

NOBODY = "http://127.0.0.1:9/v1"
"""Port 9 discards: these tests begin runs there, and look only at which provider was chosen."""

ALL = list(VENDORS)


def test_the_script_stands_in_no_list_beside_a_real_provider_and_answers_who_names_it(
    make_app: MakeApp,
) -> None:
    ann = ApiUser.of(make_app(OPENAI_API_KEY="sk-nobody"))
    session = ann.new_session()

    listed = [one["name"] for one in ann.json("/api/providers")["providers"]]
    assert listed == ALL[:-1]
    assert "scripted" not in ann.client.get("/ready").text
    for wrong in ({"provider": "nobody"}, {"model": "nobody-has-it"}):
        problem = refused(
            ann.post("/api/chat", {"content": "Hi", **wrong}), 422, "model_not_available"
        )
        assert "scripted" not in problem["detail"]

    assert (
        ann.send(session, "/slow 0 /echo It is I", provider="scripted").answer().text == "It is I"
    )
    assert chosen(ann, session, model="scripted-1") == ("scripted", "scripted-1")
    assert ann.json("/api/providers/scripted/models")["items"]


def test_a_script_that_is_the_default_is_listed(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(OPENAI_API_KEY="sk-nobody", DEFAULT_PROVIDER="scripted"))

    state = ann.json("/api/providers")

    assert configured(state) == ["openai", "scripted"]
    assert state["default"]["provider"] == "scripted"


def test_a_script_that_is_switched_off_is_not_there(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(OPENAI_API_KEY="sk-nobody", SCRIPTED="off"))
    session = ann.new_session()

    assert "scripted" not in ann.get("/api/providers").text
    refused(ann.get("/api/providers/scripted/models"), 404, "not_found")
    for choice in ({"provider": "scripted"}, {"model": "scripted-1"}):
        body = {"content": "Hi", **choice}
        refused(ann.post(f"/sessions/{session}/stream", body), 422, "model_not_available")


def test_a_model_that_has_ended_stands_in_no_list_and_is_still_asked_if_it_is_named(
    make_app: MakeApp, tmp_path: Path
) -> None:
    models = tmp_path / "models.yaml"
    sizes = "window: 9000, max_output: 900"
    models.write_text(
        f"models:\n- {{provider: openai, name: past, {sizes}, ends: 2026-01-01, default: true}}\n"
        f"- {{provider: openai, name: future, {sizes}, ends: 2999-12-31}}\n"
    )
    ann = ApiUser.of(
        make_app(OPENAI_API_KEY="sk-nobody", OPENAI_BASE_URL=NOBODY, MODELS_FILE=str(models))
    )
    session = ann.new_session()

    state = ann.json("/api/providers")

    ends = {one["name"]: one["ends"] for one in provider_in(state, "openai")["models"]}
    assert ends["future"] == "2999-12-31"
    assert ends["gpt-6-luna"] is None
    assert "past" not in ends
    assert state["default"] == {"provider": "openai", "model": "gpt-6-luna"}
    assert chosen(ann, session) == ("openai", "gpt-6-luna")
    assert chosen(ann, session, model="past") == ("openai", "past")
