"""Whom a request comes from, as the proxies that are believed tell it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.callers.proxies import (
    Hops,
    TrustedProxies,
    host,
    parse_address,
    prefix,
    scheme,
    told,
)

PEER = "10.0.0.1"
NAMED = "10.0.0.0/8, 127.0.0.1, 2001:db8:ffff::/48"


def caller(trusted: str, forwarded_for: str | None, peer: str = PEER) -> str:
    return TrustedProxies.parse(trusted).hops(peer, forwarded_for).address


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.7:50123", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ('"[2001:db8::7]:443"', "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:80", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
@pytest.mark.parametrize("trusted", ["1", NAMED])
def test_an_address_is_understood_however_proxies_write_it(
    trusted: str, written: str, address: str
) -> None:
    assert caller(trusted, written) == address
    assert caller(trusted, f"198.51.100.1, {written}") == address


@pytest.mark.parametrize(
    "rubbish",
    [
        "unknown", "_hidden", "", " ", "192.0.2", "192.0.2.7:x", "192.0.2.7:123456", "1.2.3.4.5",
        "[2001:db8::7", "2001:db8::7]:443", "[[::1]]", "[192.0.2.7", "::ffff:999.1.1.1", "%eth0",
        "for=192.0.2.7", "192.0.2.7/32", "٣.٣.٣.٣", "0x7f.1", "<script>", "a" * 5000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("trusted", ["1", NAMED])
def test_rubbish_counts_as_the_proxys_own_and_never_as_what_stands_left_of_it(
    trusted: str, rubbish: str
) -> None:
    assert caller(trusted, rubbish) == PEER
    assert caller(trusted, f"198.51.100.1, {rubbish}") == PEER


@pytest.mark.parametrize("trusted", ["1", NAMED])
def test_a_proxy_that_says_nothing_is_the_caller_itself(trusted: str) -> None:
    assert caller(trusted, None) == PEER


def test_a_number_takes_the_place_from_the_right() -> None:
    chain = "198.51.100.66, 192.0.2.7, 10.0.0.2"

    assert caller("1", chain) == "10.0.0.2"
    assert caller("2", chain) == "192.0.2.7"
    assert caller("3", chain) == "198.51.100.66"
    assert caller("4", chain) == PEER
    assert caller("2", "198.51.100.66, unknown, 10.0.0.2") == "10.0.0.2"


def test_named_proxies_are_passed_over_from_the_right() -> None:
    assert caller(NAMED, "198.51.100.66, 192.0.2.7, 10.0.0.2") == "192.0.2.7"
    assert caller(NAMED, "198.51.100.66, 192.0.2.7, 10.0.0.2:80, [2001:db8:ffff::1]:9") == (
        "192.0.2.7"
    )
    assert caller(NAMED, "10.9.9.9, 10.0.0.2") == "10.9.9.9"
    assert caller(NAMED, "192.0.2.7", peer="::ffff:10.0.0.1") == "192.0.2.7"


@pytest.mark.parametrize("peer", ["192.0.2.9", "11.0.0.1", "2001:db8:fffe::1", "::1", "unix:", ""])
def test_what_strangers_say_is_nothing_if_the_proxies_are_named(peer: str) -> None:
    assert TrustedProxies.parse(NAMED).hops(peer, "198.51.100.1") == Hops(peer, 0)


def test_an_endless_chain_is_read_for_ten_places() -> None:
    chain = ["198.51.100.1"] + ["10.0.0.2"] * 5000

    assert caller(NAMED, ", ".join(chain)) == "10.0.0.2"


@given(st.text(max_size=60), st.sampled_from(["0", "1", "3", NAMED]))
def test_whatever_a_client_writes_left_of_its_own_address_changes_nothing(
    written: str, trusted: str
) -> None:
    alone = caller(trusted, "192.0.2.7")
    if trusted != "3":
        assert caller(trusted, f"{written},192.0.2.7") == alone


@pytest.mark.parametrize(
    "wrong",
    ["11", "-1", "1.5", "many", "10.0.0.1/8", "10.0.0.0/33", "0.0.0.0/0", "::/0", "1.2.3.4,,", "*"],
)
def test_what_names_no_proxies_or_everybody_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        TrustedProxies.parse(wrong)


def test_other_headers_are_read_as_the_outermost_proxy_wrote_them() -> None:
    assert told("https", 1) == told("https", 2) == "https"
    assert told("evil, real, inner", 2) == "real"
    assert told("x", 0) is None
    assert told(None, 1) is None
    assert (scheme("HTTPS"), scheme("wss"), scheme("gopher"), scheme(None)) == (
        "https",
        "https",
        None,
        None,
    )


@pytest.mark.parametrize("text", ["chat.example.com", "a.b:8443", "[2001:db8::1]:443", "10.0.0.1"])
def test_a_host_is_a_name_or_an_address_with_or_without_a_port(text: str) -> None:
    assert host(text) == text


@pytest.mark.parametrize(
    "text", ["", "a b", "a/b", "a@b", "a\r\nb", "a:b:c", "a,b", "é.example", "x" * 300, "a:123456"]
)
def test_all_else_is_no_host(text: str) -> None:
    assert host(text) is None


@pytest.mark.parametrize(
    ("text", "path"), [("/chat", "/chat"), ("/chat/", "/chat"), ("/a/b-c_1.2~", "/a/b-c_1.2~")]
)
def test_a_prefix_is_a_plain_path(text: str, path: str) -> None:
    assert prefix(text) == path


@pytest.mark.parametrize(
    "text",
    [
        None, "", "/", "chat", "//evil.example", "/chat//x", "/\\evil.example", "/chat\r\nX: y",
        "/a b", "/chat?x", "/chat#x", "/../x", "/a/./b", "/a/..", "http://evil.example/", '/"',
        "/<script>", "/%2e%2e", "/é", "/" + "x" * 300, "/\x00", "/a;b",
    ],
)  # fmt: skip
def test_all_else_is_no_prefix(text: str | None) -> None:
    assert prefix(text) == ""


def test_a_zone_and_a_mapped_address_are_the_address_alone() -> None:
    assert str(parse_address("fe80::1%25eth0")) == "fe80::1"
    assert str(parse_address("::ffff:1.2.3.4")) == "1.2.3.4"


@pytest.mark.parametrize(
    ("trusted", "peer", "is_believed"),
    [
        ("0", PEER, False),
        ("1", PEER, True),
        ("1", "", True),
        (NAMED, PEER, True),
        (NAMED, "::ffff:10.0.0.1", True),
        (NAMED, "192.0.2.7", False),
        (NAMED, "", False),
    ],
)
def test_who_connects_is_a_proxy_where_it_is_counted_or_named(
    trusted: str, peer: str, *, is_believed: bool
) -> None:
    assert TrustedProxies.parse(trusted).believes(peer) is is_believed
