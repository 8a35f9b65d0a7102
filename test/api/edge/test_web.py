"""The files of the web client over HTTP."""

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from flask import Flask
from flask.testing import FlaskClient

from routes import web


@pytest.fixture
def files() -> FlaskClient:
    app = Flask("files", static_folder=None)
    app.register_blueprint(web.blueprint())
    return app.test_client()


def test_the_page_is_at_the_root_and_everything_that_it_names_is_there(files: FlaskClient) -> None:
    page = files.get("/")
    named = re.findall(r'(?:href|src)="([^"#]+)"', page.text)

    assert page.content_type == "text/html; charset=utf-8"
    assert len(named) >= 4
    assert [files.get(f"/{name}").status_code for name in named] == [200] * len(named)


def test_the_page_loads_every_script_of_the_folder_and_none_that_is_missing(
    files: FlaskClient,
) -> None:
    start = "/assets/web/main.js"
    loaded, waiting = {start}, [start]
    while waiting:
        module = waiting.pop()
        answer = files.get(module)
        assert answer.status_code == 200, module
        names = re.findall(r'^import .*"(.+)";$', answer.text, re.MULTILINE)
        imported = {urljoin(module, name) for name in names}
        waiting += imported - loaded
        loaded |= imported

    scripts = (web.ASSETS / "web").rglob("*.js")
    assert loaded == {f"/assets/{path.relative_to(web.ASSETS)}" for path in scripts}


def test_nothing_in_the_page_needs_more_than_the_strict_policy(files: FlaskClient) -> None:
    page = files.get("/").text

    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("main.js", "text/javascript; charset=utf-8"),
        ("chat/chat.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("chat/chat.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_a_file_has_the_type_that_a_browser_insists_on(
    files: FlaskClient, name: str, kind: str
) -> None:
    assert files.get(f"/assets/web/{name}").content_type == kind


def test_a_file_that_has_not_changed_is_not_sent_again(files: FlaskClient) -> None:
    first = files.get("/assets/web/main.js")

    again = files.get("/assets/web/main.js", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "no-cache"
    assert again.status_code == 304
    assert again.data == b""


def test_a_file_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "web" / "main.js"
    file.parent.mkdir()
    file.write_text("first")
    app = Flask("files", static_folder=None)
    app.register_blueprint(web.blueprint(tmp_path))
    files = app.test_client()
    first = files.get("/assets/web/main.js")
    file.unlink()

    second = files.get("/assets/web/main.js")
    third = files.get("/assets/web/main.js", headers={"If-None-Match": first.headers["ETag"]})

    assert (first.text, second.text, third.status_code) == ("first", "first", 304)
    assert first.headers["ETag"] == second.headers["ETag"]


@pytest.mark.parametrize(
    "path",
    [
        "/assets/web/../../web.py",
        "/assets/web/%2e%2e/%2e%2e/web.py",
        "/assets/web/..%2f..%2fweb.py",
        "/assets/web//etc/passwd",
        "/assets/web/",
        "/assets/web",
        "/assets/web/chat/",
        "/assets/web/chat",
        "/assets/web/chat/../../../web.py",
        "/assets/other/x",
        "/assets/web.py",
        "/assets/web/nothing.js",
    ],
)
def test_nothing_outside_the_public_folders_is_served(files: FlaskClient, path: str) -> None:
    assert files.get(path, follow_redirects=True).status_code == 404


@pytest.mark.parametrize(
    "name",
    ["x" * 300, "é" * 200, "x/" * 2500, "%00", "a%00b", "%ff", "chat", "", ".", "..", "../main.js"],
    ids=lambda name: name[:9],
)
def test_a_name_that_no_file_can_have_is_not_found(client: FlaskClient, name: str) -> None:
    for area in ("web", "docs", "vendor"):
        answer = client.get(f"/assets/{area}/{name}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/", "/assets/web/main.js", "/api/docs", "/api/docs/errors"])
def test_a_condition_that_does_not_hold_is_a_problem(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"If-Match": '"another"'})

    assert answer.content_type == "application/problem+json"
    assert (answer.status_code, answer.get_json()["code"]) == (412, "precondition_failed")
