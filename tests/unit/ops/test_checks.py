from __future__ import annotations

import ipaddress
import socket
from dataclasses import replace
from typing import Any

import pytest

from configuration.connections import Connection, Connections
from configuration.settings import Settings, Token
from intake.readiness import Check
from klaviyo.revision import REVISION
from ops.checks import network
from ops.checks.network import blocked, network_checks
from ops.checks.redis_server import _memory, _version
from ops.checks.settings import revision_check, settings_checks

BARE = Settings("redis://localhost", Connections({"default": Connection("default")}))
NOWHERE = str(ipaddress.IPv4Address(0))
YEAR, REST = int(REVISION[:4]), REVISION[4:]


def verdict(check: Check) -> str:
    return "fail" if not check.ok else "warn" if check.remedy else "ok"


def test_without_tokens_nobody_can_send_and_without_a_secret_no_key_is_kept() -> None:
    found = {check.name: verdict(check) for check in settings_checks(BARE)}
    assert found == {"tokens": "fail", "secret key": "warn", "flush policy": "ok"}
    given = replace(BARE, tokens=(Token("mparticle", "s3cret"),), secret_keys=("s3cret",))
    checks = settings_checks(given)
    assert [verdict(check) for check in checks] == ["ok", "ok", "ok"]
    assert "s3cret" not in repr(checks)


def test_segments_signature_is_enough_to_send_by_and_its_secrets_are_named_only() -> None:
    signing = replace(BARE, segment_secrets=(Token("new", "s3cret-n"), Token("old", "s3cret-o")), secret_keys=("s",))
    found = {check.name: (verdict(check), check.detail) for check in settings_checks(signing)}
    assert found["tokens"] == ("ok", "none: only signed requests of Segment are accepted, every other sender gets 401")
    assert found["segment secrets"] == ("ok", "new, old")
    assert "s3cret" not in repr(found)
    both = settings_checks(replace(signing, tokens=(Token("mparticle", "s3cret"),)))
    assert [(check.name, check.detail) for check in both[:2]] == [
        ("tokens", "mparticle"),
        ("segment secrets", "new, old"),
    ]


@pytest.mark.parametrize(
    ("today", "wanted"),
    [
        (REVISION, "ok"),
        (f"{YEAR + 1}-01-01", "ok"),
        (f"{YEAR + 1}{REST}", "warn"),
        (f"{YEAR + 2}-01-01", "warn"),
        (f"{YEAR + 2}{REST}", "fail"),
    ],
)
def test_a_revision_is_kept_a_year_and_deprecated_another(today: str, wanted: str) -> None:
    assert verdict(revision_check(today)) == wanted


@pytest.mark.parametrize(
    ("info", "wanted"),
    [
        ({"redis_version": "6.0.16"}, "fail"),
        ({"redis_version": "6.2.0"}, "ok"),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, "ok"),
        ({"redis_version": "10.0.1"}, "ok"),
        ({"redis_version": "7.0.0", "role": "slave"}, "fail"),
        ({}, "fail"),
    ],
)
def test_redis_is_at_least_6_2_and_a_primary(info: dict[str, Any], wanted: str) -> None:
    assert verdict(_version(info)) == wanted


@pytest.mark.parametrize(("used", "most", "wanted"), [(74, 100, "ok"), (75, 100, "warn"), (5, 0, "warn")])
def test_memory_without_a_limit_or_nearly_full_is_a_warning(used: int, most: int, wanted: str) -> None:
    assert verdict(_memory({"used_memory": used, "maxmemory": most})) == wanted


@pytest.mark.parametrize(
    ("host", "addresses", "wanted"),
    [
        ("a.klaviyo.com", {NOWHERE}, True),
        ("a.klaviyo.com", {"::"}, True),
        ("a.klaviyo.com", {"127.0.0.1"}, True),
        ("a.klaviyo.com", {"104.18.42.101"}, False),
        ("localhost", {"127.0.0.1", "::1"}, False),
    ],
)
def test_an_address_that_leads_nowhere_means_a_blocklist(host: str, addresses: set[str], wanted: bool) -> None:
    assert blocked(host, addresses) is wanted


def test_a_blocked_name_fails_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: object, **__: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (NOWHERE, 443))]

    monkeypatch.setattr(network, "get_environ_proxies", lambda _url: {})
    monkeypatch.setattr(socket, "getaddrinfo", answer)
    (check,) = network_checks("https://a.klaviyo.com")
    assert (check.ok, check.name) == (False, "dns")
    assert "blocklist" in check.remedy


def test_something_that_speaks_no_tls_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "get_environ_proxies", lambda _url: {})
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    name, tls = network_checks(f"https://localhost:{port}")
    assert name.ok
    assert (tls.ok, tls.detail) == (False, "no connection: Connection refused")


def test_the_emulator_is_called_by_its_name() -> None:
    (check,) = network_checks("http://127.0.0.1:9400")
    assert (check.ok, check.detail) == (True, "http://127.0.0.1:9400, on this machine: an emulator, not the real one")
