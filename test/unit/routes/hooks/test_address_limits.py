"""Limits by network: what is kept of callers that have any number of addresses."""

from flask import Flask

from routes.hooks import problems
from routes.hooks.limits import AddressLimits, LimitRules
from services.admission.windows.local import LocalWindows

RULES = LimitRules(enabled=True, login="1 per day", register="1 per day", refresh="1 per day")


def test_what_a_wide_network_is_refused_leaves_nothing_of_its_narrow_ones() -> None:
    app, windows = Flask(__name__), LocalWindows()
    problems.install(app)
    limits = AddressLimits(app, RULES, windows)
    app.add_url_rule("/", view_func=limits.register(lambda: "let in"))
    client = app.test_client()
    answers = [
        client.get("/", environ_overrides={"REMOTE_ADDR": f"2001:db8:0:{number:x}::1"}).status_code
        for number in range(60)
    ]

    assert answers == [200] * 4 + [429] * 56
    assert len(windows) == 4 + 1 + 1  # each /64, the /56 and the /48
