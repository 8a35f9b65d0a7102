"""The cost of an answer is told with it, to the last digit."""

from pathlib import Path

from api.accounts import MakeApp
from api.calls import ApiUser
from wires.fixtures import WireServer

MODELS = """
models:
- provider: openai
  name: plain
  window: 9_000
  max_output: 900
  default: true
  price: {input: 0.1, output: 0.7, cached_input: 0.01}
"""


def test_the_cost_of_an_answer_is_told_wherever_the_answer_is(
    make_app: MakeApp, wire: WireServer, tmp_path: Path
) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(MODELS)
    app = make_app(OPENAI_BASE_URL=wire.base_url, MODELS_FILE=str(path))
    ann = ApiUser.of(app)
    session = ann.new_session()

    done = ann.ask(session).terminal
    assert done

    # 12 tokens, 4 of them cached, and 6 of the answer: 8 x 0.1 + 4 x 0.01 + 6 x 0.7 millionths.
    assert done["usage"]["cached_tokens"] == 4
    assert done["cost"] == {"amount": "0.00000504", "currency": "USD"}
    assert ann.messages(session)[-1]["cost"] == done["cost"]


def test_a_name_that_is_not_listed_costs_nobody_knows_what(
    make_app: MakeApp, wire: WireServer
) -> None:
    ann = ApiUser.of(make_app(OPENAI_BASE_URL=wire.base_url))

    done = ann.ask(ann.new_session(), model="plain").terminal
    assert done
    assert done["finish_reason"] == "stop"
    assert done["cost"] is None
