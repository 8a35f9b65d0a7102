"""Who may read the figures and the state of each part."""

import pytest
import yaml
from api.accounts import MakeApp, sign_up
from flask.testing import FlaskClient
from source_tree import ROOT
from stack.columns import EMBEDDED, only_on
from subjects.loaded_settings import SECRET

pytestmark = only_on(EMBEDDED, "the database has no part in who may watch")

TOKEN = "b7Gk2Wm9Xq4Zr8Vt3Nc6Ly1Hs5Pd0JfQ"
PRODUCTION = {"APP_ENV": "production", "JWT_SECRET_KEY": SECRET}
WRONG = [
    "",
    "Bearer",
    "Bearer ",
    f"Bearer {TOKEN}x",
    f"Basic {TOKEN}",
    f"bearer{TOKEN}",
    "é",
    "\xff",
]


@pytest.fixture
def watched(make_app: MakeApp) -> FlaskClient:
    """Give a client of a server in production whose watchers have a token."""
    return make_app(**PRODUCTION, METRICS_TOKEN=TOKEN).test_client()


def test_the_bearer_sees_all_of_it(watched: FlaskClient) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}

    metrics, ready = (watched.get(path, headers=bearer) for path in ("/metrics", "/ready"))

    assert metrics.status_code == 200
    assert "charla_http_requests_total" in metrics.text
    assert ready.get_json()["checks"]["store"] == "ok"
    assert "scripted" in ready.get_json()["providers"]


@pytest.mark.parametrize("header", WRONG)
def test_others_get_no_figures_and_only_the_status(watched: FlaskClient, header: str) -> None:
    sent = {"Authorization": header}

    metrics, ready = (watched.get(path, headers=sent) for path in ("/metrics", "/ready"))

    assert (metrics.status_code, metrics.get_json()["code"]) == (401, "unauthorized")
    assert metrics.headers["WWW-Authenticate"] == "Bearer"
    assert "charla_" not in metrics.text
    assert (ready.status_code, ready.get_json()) == (200, {"status": "ready"})


def test_the_sample_for_prometheus_asks_as_it_must(watched: FlaskClient) -> None:
    (job,) = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())["scrape_configs"]

    bearer = {"Authorization": f"{job['authorization']['type']} {TOKEN}"}

    assert watched.get(job["metrics_path"], headers=bearer).status_code == 200
    assert job["static_configs"] == [{"targets": ["127.0.0.1:5000"]}]
    assert "credentials" not in job["authorization"]


def test_a_users_token_and_a_token_in_the_address_open_nothing(watched: FlaskClient) -> None:
    account = sign_up(watched)

    assert watched.get("/metrics", headers=account.headers).status_code == 401
    assert watched.get(f"/metrics?token={TOKEN}").status_code == 401


def test_a_load_balancer_without_a_token_still_sees_the_status(make_app: MakeApp) -> None:
    app = make_app(**PRODUCTION)
    client = app.test_client()
    app.extensions["charla"].drain.start()

    ready = client.get("/ready")

    assert (ready.status_code, ready.get_json()) == (503, {"status": "draining"})
    assert client.get("/health").get_json() == {"status": "ok"}


def test_in_production_without_a_token_the_refusal_says_what_to_set(make_app: MakeApp) -> None:
    refused = make_app(**PRODUCTION).test_client().get("/metrics")

    assert refused.status_code == 401
    assert "METRICS_TOKEN" in refused.get_json()["detail"]


def test_development_asks_for_the_token_only_if_there_is_one(make_app: MakeApp) -> None:
    assert make_app().test_client().get("/metrics").status_code == 200
    assert make_app(METRICS_TOKEN=TOKEN).test_client().get("/metrics").status_code == 401
