from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from redis import Redis

from emulator.server import running
from queues import keys
from queues.clock import now_ms
from queues.connections import accounts
from tests.support.ops import VIPS, ferry, ferry_process, put
from tests.support.strangers import answering

SECRET = "a secret of at least sixteen characters"


@pytest.fixture(scope="module")
def klaviyo() -> Iterator[str]:
    with running(limits_off=True) as url:
        yield url


def examined(redis_url: str, var: Path, klaviyo: str, **env: str) -> dict[str, dict[str, str]]:
    known = {"KLAVIYO_BASE_URL": klaviyo, "FERRY_SECRET_KEY": SECRET, "NO_PROXY": "localhost,127.0.0.1", **env}
    told = ferry(redis_url, var, "doctor", "--json", **known)
    found = {check["check"]: check for check in json.loads(told.stdout)}
    assert told.exit_code == int(any(check["result"] == "fail" for check in found.values()))
    return found


def test_each_part_is_looked_at_and_what_is_missing_has_a_remedy(
    redis: Redis, redis_url: str, tmp_path: Path, klaviyo: str
) -> None:
    found = examined(redis_url, tmp_path, klaviyo)
    verdicts = {name: check["result"] for name, check in found.items()}
    assert verdicts.pop("latency") in ("ok", "warn"), "that of a busy machine may be anything"
    assert verdicts == {
        "tokens": "fail",
        "secret key": "ok",
        "flush policy": "ok",
        "revision": "ok",
        "klaviyo": "ok",
        "installation": "warn",
        "redis": "ok",
        "persistence": "fail",
        "eviction": "ok",
        "memory": "warn",
        "scheduler": "fail",
        "workers": "fail",
        "clocks": "ok",
        "holds": "ok",
        "contents": "ok",
        "ledger": "ok",
        "lists": "ok",
        "key of default": "ok",
    }
    assert all(check["remedy"] for check in found.values() if check["result"] != "ok")


def test_a_key_is_asked_for_its_account_and_for_what_it_may_read(
    redis: Redis, redis_url: str, tmp_path: Path, klaviyo: str
) -> None:
    detail = examined(redis_url, tmp_path, klaviyo)["key of default"]["detail"]
    assert detail.startswith("account EmULat, a test account; reads lists and profiles")
    assert "not tested, because a test would write: lists:write profiles:write" in detail
    for scope in ("consent subscriptions:write", "events events:write", "erasure data-privacy:write"):
        assert scope in detail
    asked = [entry["path"] for entry in requests.get(f"{klaviyo}/_emulator/requests", timeout=30).json()][-3:]
    assert asked == ["/api/accounts", "/api/lists", "/api/profiles"]


def test_keys_are_examined_by_the_connection_that_uses_them(
    redis: Redis, redis_url: str, tmp_path: Path, klaviyo: str
) -> None:
    connection = "mparticle-7"
    put(redis, "a@example.com", queue=type(VIPS)(connection, "audience", "1"))
    accounts.remember(redis, connection, accounts.AccountSettings({}, "pk_revoked"), accounts.Cipher([SECRET]))
    order = {"keys": [{"key": "pk_test", "scopes": ["profiles:read", "lists:read"]}]}
    requests.post(f"{klaviyo}/_emulator/keys", json=order, timeout=30).raise_for_status()
    try:
        found = examined(redis_url, tmp_path, klaviyo)
        lost = examined(redis_url, tmp_path, klaviyo, FERRY_SECRET_KEY="another secret of sixteen characters")
    finally:
        requests.post(f"{klaviyo}/_emulator/reset", timeout=30).raise_for_status()
    assert found["key of default"]["detail"].startswith("works, without accounts:read")
    refused = found[f"key of {connection}"]
    assert (refused["result"], "unauthenticated" in refused["detail"]) == ("fail", True)
    assert "profiles:write" in refused["remedy"]
    assert "for events events:write" in refused["remedy"]
    assert "pk_" not in json.dumps(list(found.values())).replace("(pk_...)", "")
    assert "FERRY_SECRET_KEY" in lost[f"key of {connection}"]["remedy"]


def test_a_malformed_key_of_a_cdp_fails_with_a_remedy_and_is_not_printed(
    redis: Redis, redis_url: str, tmp_path: Path, klaviyo: str
) -> None:
    put(redis, "a@example.com", queue=type(VIPS)("mparticle-7", "audience", "1"))
    accounts.remember(redis, "mparticle-7", accounts.AccountSettings({}, "pk_canary 123"), accounts.Cipher([SECRET]))
    found = examined(redis_url, tmp_path, klaviyo)
    malformed = found["key of mparticle-7"]
    assert (malformed["result"], "copy it again" in malformed["remedy"]) == ("fail", True)
    assert found["key of default"]["result"] == "ok", "the others are examined all the same"
    assert "canary" not in json.dumps(found)


def test_what_is_not_the_keys_fault_is_not_blamed_on_its_scopes(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with answering(302, "https://elsewhere.example/") as redirecting:
        refused = examined(redis_url, tmp_path, f"http://127.0.0.1:{redirecting.port}")["key of default"]
    assert (refused["result"], "redirected" in refused["detail"]) == ("fail", True)
    assert refused["remedy"].startswith("Correct Klaviyo's base URL")


def test_a_default_connection_without_a_key_matters_only_where_it_is_used(
    redis: Redis, redis_url: str, tmp_path: Path, klaviyo: str
) -> None:
    put(redis, "a@example.com", queue=type(VIPS)("mparticle-7", "audience", "1"))
    accounts.remember(redis, "mparticle-7", accounts.AccountSettings({}, "pk_seven"), accounts.Cipher([SECRET]))
    unused = examined(redis_url, tmp_path, klaviyo, KLAVIYO_API_KEY="")
    assert (unused["key of default"]["result"], unused["key of mparticle-7"]["result"]) == ("warn", "ok")
    put(redis, "a@example.com")
    assert examined(redis_url, tmp_path, klaviyo, KLAVIYO_API_KEY="")["key of default"]["result"] == "fail"


def test_a_ledger_that_does_not_add_up_fails(redis: Redis, redis_url: str, tmp_path: Path, klaviyo: str) -> None:
    put(redis, "a@example.com")
    redis.set(keys.HEARTBEAT, now_ms())
    assert examined(redis_url, tmp_path, klaviyo)["scheduler"]["result"] == "ok"
    redis.hincrby(keys.queue(VIPS), "accepted", 1)
    assert examined(redis_url, tmp_path, klaviyo)["ledger"]["result"] == "fail"


def test_keys_are_not_tried_over_a_way_that_is_closed(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    found = examined(redis_url, tmp_path, "https://localhost:1")
    assert (found["tls"]["result"], found["keys"]["detail"]) == ("fail", "not tested: Klaviyo cannot be reached")


@pytest.mark.parametrize(
    ("given", "shown"),
    [("2026-07-15", "2026-07-15 (FERRY_KLAVIYO_REVISION), supported until"), ("", "2026-10-15, supported until")],
)
def test_the_revision_of_an_installation_that_stays_is_shown(
    redis_url: str, tmp_path: Path, klaviyo: str, given: str, shown: str
) -> None:
    known = {"KLAVIYO_BASE_URL": klaviyo, "KLAVIYO_API_KEY": "pk_test", "FERRY_KLAVIYO_REVISION": given}
    assert shown in ferry_process(redis_url, tmp_path, "doctor", **known).stdout


def test_a_revision_that_ferry_was_not_tested_with_is_refused_at_the_start(redis_url: str, tmp_path: Path) -> None:
    done = ferry_process(redis_url, tmp_path, "doctor", FERRY_KLAVIYO_REVISION="2025-01-15")
    assert done.returncode == 2
    assert "FERRY_KLAVIYO_REVISION: Ferry is tested with the revisions 2026-10-15 and 2026-07-15" in done.stderr
