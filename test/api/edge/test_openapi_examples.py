"""The examples of the OpenAPI document work as they stand, sent in the order of a first visit."""

from typing import Any

from api.chat_client import Json
from flask import Flask
from werkzeug.test import TestResponse

ORDER = [
    "getHealth",
    "getReadiness",
    "getMetrics",
    "getRegistration",
    "registerAccount",
    "login",
    "refreshLogin",
    "getAccount",
    "listProviders",
    "listModels",
    "countTokens",
    "createSession",
    "getSession",
    "sendMessage",
    "followSession",
    "followRun",
    "getRun",
    "stopRun",
    "listMessages",
    "updateSession",
    "listSessions",
    "ask",
    "deleteSession",
    "changePassword",
    "logout",
    "resetPassword",
]


class Visitor:
    """Somebody who sends what Swagger UI shows, and fills in only tokens and ids."""

    def __init__(self, app: Flask) -> None:
        """Read the document."""
        self._app = app
        self._client = app.test_client()
        self._known: dict[str, str] = {}
        document = self._client.get("/api/openapi.json").get_json()
        self.operations: dict[str, tuple[str, str, Json]] = {
            operation["operationId"]: (
                method,
                path,
                {"parameters": [], **operation, "of_path": methods.get("parameters", [])},
            )
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if method != "parameters"
        }

    def be_given_a_link(self) -> None:
        """Have the operator make a link for the visitor's account, whose token is known then."""
        example = self.operations["login"][2]["requestBody"]["content"]["application/json"][
            "example"
        ]
        registrations = self._app.extensions["charla"].identity.registrations
        self._known["token"] = registrations.reset_password(example["email"]).token

    def send(self, name: str) -> TestResponse:
        """Send a request as it is prefilled."""
        method, path, operation = self.operations[name]
        variables = {each["name"]: self._filled(each) for each in operation["of_path"]}
        query = {
            each["name"]: each["schema"]["default"]
            for each in operation["parameters"]
            if "default" in each["schema"]
        }
        sent: dict[str, Any] = {"method": method, "query_string": query}
        if "requestBody" in operation:
            example: Json = operation["requestBody"]["content"]["application/json"]["example"]
            sent["json"] = {name: self._known.get(name, value) for name, value in example.items()}
        if operation.get("security"):
            sent["headers"] = {"Authorization": f"Bearer {self._known['access_token']}"}
        response = self._client.open(path.format(**variables), **sent)
        self._remember(name, response)
        return response

    def _filled(self, variable: Json) -> str:
        example: str | None = variable.get("example")
        return example or self._known[variable["name"]]

    def _remember(self, name: str, response: TestResponse) -> None:
        body = response.get_json() if response.is_json else {}
        self._known |= {key: body[key] for key in ("access_token", "refresh_token") if key in body}
        if name == "createSession":
            self._known["session_id"] = body["id"]
        if name == "sendMessage":
            self._known["run_id"] = response.headers["X-Run-Id"]


def test_every_example_works_as_it_stands(app: Flask) -> None:
    visitor = Visitor(app)

    for name in ORDER:
        if name == "resetPassword":
            visitor.be_given_a_link()
        response = visitor.send(name)
        assert 200 <= response.status_code < 300, f"{name}: {response.text}"
        response.get_data()

    assert sorted(ORDER) == sorted(visitor.operations)


def test_examples_name_no_id_that_a_visitor_would_have_to_remove(app: Flask) -> None:
    bodies = [
        operation["requestBody"]["content"]["application/json"]["example"]
        for _, _, operation in Visitor(app).operations.values()
        if "requestBody" in operation
    ]

    assert len(bodies) > 7
    assert all(bodies)
    assert not {name for body in bodies for name in body if name.endswith("_id")}
