"""Odd methods, versions, addresses and what follows them."""

METHODS = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"),
    *("get", "PoSt", "PROPFIND", "M-SEARCH", "A" * 300, "", "G\u00c9T", "G\0T", "GET\t", "[]", "-"),
    *("_", "__class__", "head", "COPY", "PURGE", "G#T", "1", "PRI"),
)
VERSIONS = (
    *("HTTP/1.0", "HTTP/1.1", "HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/3", "http/1.1", "HTTP/1"),
    *("HTTP/1.1 ", "HTTP/11", "HTTP/1.1.1", "HTTP/-1.1", "", "HTTPS/1.1", "HTTP/1.\u0661"),
)
SEGMENTS = (
    *("", ".", "..", "...", "%2e%2e", "%2f", "..%2f..%2fetc%2fpasswd", "%00", "%0a", "%0d%0aX:a"),
    *(
        "%",
        "%zz",
        "%ff",
        "%c3%28",
        "%ed%a0%80",
        "\u00e9",
        "\U0001f30a",
        "\x7f",
        "\x01",
        "~",
        "a" * 3000,
    ),
    *("null", "undefined", "0", "-1", "1e9", "9" * 40, "9" * 5000, "NaN", "true", "[]", "{}", "'"),
    *('"', "\\", ";", "a;b", "a:b", "a b", "+", "*", "**", "#", "?", "&", "=", "%20", "__proto__"),
    *("main.js", "../app.py", "..\\app.py", "%5c..", "con", "main.js%00.css", ".git", "CON"),
    *("0190a0a0-0000-7000-8000-000000000000", "0190A0A0-0000-7000-8000-00000000000g", "{0}"),
    *("0190a0a0000070008000000000000000", "a" * 255, "%F0%9F%8C%8A", "\u202e", "x" * 2, "$(a)"),
)
ADDRESSES = (
    *(
        "//{path}",
        "{path}/",
        "{path}//",
        "/.{path}",
        "http://localhost{path}",
        "http://other{path}",
    ),
    *(
        "*",
        "",
        "{path}#a",
        "{path}?",
        "{path}??",
        "{path}%",
        "localhost:80",
        "\\{path}",
        "/..{path}",
    ),
    *(
        "{path}?a&a=&=a&&",
        "http://[::1{path}",
        "http:///{path}",
        "ftp://a@b:c{path}",
        "/{path}\x00",
    ),
    *(
        "/%2e%2e{path}",
        "{path} {path}",
        "\t{path}",
        "https://localhost:99999{path}",
        "/{path}\u00e9",
    ),
)
PARAMETERS = (
    *("limit", "cursor", "q", "archived", "tree", "last_event_id", "access_token", "", "limit[]"),
    *("limit", "\u00e9", "%00", "a" * 500, "_method", "callback"),
)
