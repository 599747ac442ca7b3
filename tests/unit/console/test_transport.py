"""How a request came, and where it may be sent on to."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.checks import is_loopback
from console.auth.transport import way
from console.forms import own_path


@pytest.mark.parametrize(
    ("scheme", "host", "client", "proto", "forwarded", "expected"),
    [
        ("https", "ferry.example.com", "203.0.113.7", None, False, "https"),
        ("http", "ferry.example.com", "10.1.2.3", "https", True, "https"),
        ("http", "ferry.example.com", "10.1.2.3", "http, https", True, "https"),
        ("http", "localhost:8000", "127.0.0.1", None, False, "loopback"),
        ("http", "127.0.0.1:8000", "127.0.0.1", None, False, "loopback"),
        ("http", "[::1]:8000", "::1", None, False, "loopback"),
        ("http", "ferry.example.com", "203.0.113.7", None, False, "plain"),
        ("http", "192.168.1.5:8000", "192.168.1.9", None, False, "plain"),
        ("http", "ferry.example.com", "127.0.0.1", None, False, "plain"),
        ("http", "localhost", "203.0.113.7", None, False, "plain"),
        ("http", "localhost:8000", "127.0.0.1", None, True, "plain"),
        ("http", "ferry.example.com", "10.1.2.3", "https, http", True, "plain"),
        ("http", "", "127.0.0.1", None, False, "plain"),
    ],
)
def test_only_what_nobody_could_have_read_on_its_way_is_safe(
    scheme: str, host: str, client: str, proto: str | None, forwarded: bool, expected: str
) -> None:
    assert way(scheme, host, client, proto, forwarded) == expected


@pytest.mark.parametrize("host", ["localhost.example.com", "127.0.0.1.example.com", "localhostx", "", "2130706433"])
def test_a_name_that_looks_like_this_machine_is_not_this_machine(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("path", ["/", "/queues/default/audience/a%2Fb", "/dead?reason=no_email&queue=x%2Fy", "/audit"])
def test_after_signing_in_one_comes_to_where_one_wanted_to(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [None, "", "dead", "https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "/\r\nX: y"],
)
def test_nobody_is_sent_on_to_another_host(path: str | None) -> None:
    assert own_path(path) == "/"


@pytest.mark.parametrize(
    "path", ["/queues/default/audience/\N{CJK UNIFIED IDEOGRAPH-4E2D}", "/\N{LATIN SMALL LETTER E WITH ACUTE}"]
)
def test_a_path_that_no_header_can_hold_is_not_gone_to(path: str) -> None:
    assert own_path(path, "/dead") == "/dead"


@given(st.text(st.sampled_from("/\\.:@?#%\t\r\n evilhtps0é")))
def test_whatever_is_asked_for_one_stays_on_the_host(given_: str) -> None:
    onward = own_path(given_)
    assert onward.startswith("/")
    assert "\r" not in onward
    assert "\n" not in onward
    assert urlsplit(urljoin("https://ferry.example.com/sign-in", onward)).netloc == "ferry.example.com"
