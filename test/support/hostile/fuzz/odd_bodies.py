"""Odd JSON: values, names, and bytes that are none."""

import json

_TEXTS = (
    *(
        "",
        " ",
        "\0",
        "\n",
        "\x1b[0m",
        "\u00e9",
        "e\u0301",
        "\U0001f30a",
        "\ud800",
        "\udfff\ud800",
        "\ufeff",
    ),
    *(
        "\u202e",
        "a" * 300,
        "a" * 20_000,
        "a" * 150_000,
        "<script>",
        "'; drop table users; --",
        "{}",
        "%s",
    ),
    *(
        "{0.__class__}",
        "null",
        "1",
        "true",
        "a@b",
        "@",
        "a@\u00e9.example",
        "A@EXAMPLE.ORG",
        "/fail",
    ),
    *(
        "/slow",
        "/slow -1",
        "/long 9" + "9" * 30,
        "../..",
        "scripted",
        "scripted/x",
        "\u2028",
        "a\u200b@b.c",
    ),
)


def _deep() -> object:
    found: object = {}
    for _ in range(200):
        found = [{"a": found}]
    return found


VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1, 1.5, -0.0, 10**18, 2**63, 2**64, 10**400, float("nan")),
    *(
        float("inf"),
        float("-inf"),
        1e308,
        1e-320,
        [],
        {},
        [[]],
        [None] * 100,
        {"": None},
        {"a": {}},
        _deep(),
    ),
    *({str(number): number for number in range(300)}, [{}] * 3000, {"\0": 1}, {"\ud800": "\ud800"}),
    *({"$ne": 1}, {"__class__": {"__init__": 1}}, [1, "1", None, {}], {"a" * 5000: 1}, *_TEXTS),
)
NAMES = (
    *(
        "",
        "\0",
        "\u00e9",
        "id",
        "user_id",
        "role",
        "tenant_id",
        "__proto__",
        "__class__",
        "self",
        "kwargs",
    ),
    *(
        "a" * 3000,
        "\ud800",
        "content",
        "model",
        "provider",
        "max_tokens",
        "temperature",
        "parent_id",
    ),
    *(
        "metadata",
        "title",
        "system_prompt",
        "initial_message",
        "session_id",
        "strategy",
        "archived",
    ),
    *(
        "email",
        "password",
        "name",
        "text",
        "messages",
        "refresh_token",
        "current",
        "new",
        "Content",
        " a",
    ),
)
BODIES = (
    *(
        b"",
        b" ",
        b"{",
        b"}",
        b"{}",
        b"[]",
        b"null",
        b"nul",
        b'"',
        b'"\\u',
        b'{"a"',
        b'{"a":',
        b'{"a":1,}',
    ),
    *(
        b'{"a":1,"a":2}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b'{"title":"\xff"}',
        b"{}{}",
        b"{} x",
        b"\0",
    ),
    *(
        b"NaN",
        b"Infinity",
        b"-",
        b"01",
        b"1e",
        b"1e99999",
        b"-" * 100,
        b"[" * 100_000,
        b'{"a":' * 50_000,
    ),
    *(
        b'"\\ud800"',
        b'{"title":"\\ud800"}',
        b"{'a': 1}",
        b"/* */{}",
        b"a=b&c=d",
        b"--a\r\n\r\n--a--",
    ),
    *(
        b"9" * 10_000,
        b'{"a":' + b"9" * 10_000 + b"}",
        b'{"' + b"a" * 100_000 + b'":1}',
        b"<a/>",
        b"\x1f\x8b\x08",
    ),
    *(
        b"%PDF",
        b'{"title":"' + b"\\u0000" * 1000 + b'"}',
        b"\t\n\r {}",
        b'{"metadata":{"a":1e400}}',
    ),
)


def dumped(value: object) -> bytes:
    """Write down JSON; half of a pair of surrogates is written as such, which is no UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
