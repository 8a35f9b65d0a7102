"""Attacks by heads: too many, too large, too odd."""

import base64

from hostile.attack import Act, Attack, Scene, as_json, bearer, request

ME = "/api/auth/me"


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(as_json(value)).decode().rstrip("=")


def _asks(*requests: bytes) -> Act:
    def act(scene: Scene, number: int) -> str:
        return scene.ask(number, requests[number % len(requests)])

    return act


def _with_head(path: str, *headers: dict[str, str]) -> Act:
    return _asks(*(request("GET", path, None, each) for each in headers))


TOKENS = (
    f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part({'sub': 'a'})}.",
    f"{_part({'alg': ['HS256'], 'typ': 'JWT'})}.{_part({'sub': 'a'})}.x",
    f"{_part({'alg': 'HS256', 'kid': {'a': 1}})}.{_part({'sub': 'a'})}.x",
    f"{_part({'alg': 'HS256', 'crit': ['exp']})}.{_part({'iss': ['a'], 'exp': 'x'})}.x",
    f"{_part([1])}.{_part([2])}.{_part([3])}",
    f"{_part({'alg': 'HS256', 'zip': 'DEF'})}.{_part({'sub': {}, 'exp': 10**400})}.x",
    f"{base64.urlsafe_b64encode(b'[' * 3000).decode().rstrip('=')}.e30.x",
    f"{_part('x' * 4000)}.{_part(None)}.x",
    ".".join(["e30"] * 500),
    "..",
    "\xff\xfe.\xff.\xff",
)

ATTACKS = (
    Attack(
        name="thousands of headers",
        does="sends 5,000 headers",
        bound="100 headers",
        answers=frozenset({"431 headers_too_large"}),
        act=_with_head(ME, {f"X-{number}": "x" for number in range(5000)}),
        pause=0.4,
    ),
    Attack(
        name="large headers",
        does="sends a header or a cookie of 60 KB",
        bound="8 KB in a header",
        answers=frozenset({"431 headers_too_large"}),
        act=_with_head(ME, {"X-Large": "x" * 60_000}, {"Cookie": "a=" + "b" * 60_000}),
        pause=0.4,
    ),
    Attack(
        name="many cookies",
        does="sends thousands of cookies in 90 headers",
        bound="heads of 32 KB; cookies are not read",
        answers=frozenset({"401 unauthorized", "431 headers_too_large"}),
        act=_asks(
            request("GET", ME).replace(
                b"\r\n\r\n", b"\r\nCookie: " * 90 + b"a=b; " * 1000 + b"\r\n\r\n"
            )
        ),
        pause=0.4,
    ),
    Attack(
        name="long addresses",
        does="asks for an address of 60 KB",
        bound="8 KB in an address",
        answers=frozenset({"414 uri_too_long"}),
        act=_asks(request("GET", "/" + "a" * 60_000), request("GET", f"{ME}?{'a=b&' * 15_000}")),
        pause=0.4,
    ),
    Attack(
        name="odd tokens",
        does="sends tokens with odd, deep or huge parts",
        bound="8 KB in a header, one algorithm",
        answers=frozenset({"401 unauthorized"}),
        act=_with_head(ME, *(bearer(token) for token in TOKENS)),
        at_once=len(TOKENS),
        pause=0.4,
    ),
    Attack(
        name="many ranges",
        does="asks for a thousand ranges or versions, or on odd conditions",
        bound="8 KB in a header, one range",
        answers=frozenset({"200", "206", "304", "416 range_not_satisfiable"}),
        act=_with_head(
            "/",
            {"Range": "bytes=" + ",".join(["0-"] * 1500)},
            {"Range": "bytes=" + ",".join(f"{n}-{n}" for n in range(1000))},
            {"Range": "bytes=" + "9" * 6000 + "-"},
            {"If-None-Match": ", ".join(f'"{n}"' for n in range(1000))},
            {"If-None-Match": "W/" * 3000},
            {"If-Modified-Since": f"Mon, 30 Nov {'9' * 11} 00:00:00 GMT"},
            {"If-Range": '"' * 6000, "Range": "bytes=0-1"},
        ),
        at_once=7,
        pause=0.4,
    ),
)
