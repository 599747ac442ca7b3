"""Whatever Ferry writes has a key that queues/keys.py describes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, cast

import pytest
import requests
from redis import Redis

from configuration.senders import Rate, Sender
from configuration.settings import Token
from emulator.world import World
from klaviyo.endpoints import PUBLISHED
from queues import keys
from queues.rate_limits import RedisLimiter
from tests.support.console import ADMIN, console
from tests.support.intake import TOKEN
from tests.support.local_system import LocalSystem, lift_limits, local_system
from tests.support.paths import ROOT
from tests.support.posted import PATH, membership
from tests.support.recovery import recover

_LINE: Final = re.compile(r"^ {4}(ferry:\S+)", re.MULTILINE)
_PART: Final = re.compile(r"(\{pNN\}|<[^>]+>|\.\.\.)")
OWN: Final = "a token of a sender with a rate"


class Hourly(Rate):
    """So long a window that it is not over before the test looks."""

    seconds = 3_600
    amount = 3


def patterns() -> dict[str, re.Pattern[str]]:
    """Each key that is described -> what matches it."""
    return {described: _pattern(described) for described in _LINE.findall(keys.__doc__ or "")}


def _pattern(described: str) -> re.Pattern[str]:
    parts = _PART.split(described)
    return re.compile("".join(_part(part) for part in parts))


def _part(part: str) -> str:
    if part == "{pNN}":
        return r"\{p\d\d\}"
    if part == "...":
        return r".+"
    return r"[^:]+" if part.startswith("<") else re.escape(part)


def undescribed(redis: Redis) -> list[str]:
    """Keys of a server that no description matches; RQ keeps its own."""
    found = [cast("bytes", key).decode() for key in redis.scan_iter()]
    ours = [key for key in found if not key.startswith(keys.RQ_PREFIX)]
    return [key for key in ours if not any(pattern.fullmatch(key) for pattern in patterns().values())]


@pytest.fixture
def system(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSystem]:
    lift_limits(monkeypatch)
    with local_system(redis, redis_url, World(job_seconds=0, limits_off=True), monkeypatch) as found:
        yield found


def use(system: LocalSystem, url: str) -> None:
    """A delivery, a snapshot, a sender's rate, a browser that signs in and out, and a wrong token."""
    token = {"Authorization": f"Token {TOKEN}"}
    requests.post(url + PATH, json=membership("ann@example.com", "bob@example.com"), headers=token, timeout=30)
    members = f"{url}/v1/audiences/42/members?name=VIPs&confirm=1"
    requests.put(members, "email\nann@example.com\n", headers={**token, "Content-Type": "text/csv"}, timeout=30)
    change = {"audience": {"id": "42"}, "changes": [{"action": "add", "email": "cid@example.com"}]}
    answer = requests.post(f"{url}/v1/changes", json=change, headers={"Authorization": f"Token {OWN}"}, timeout=30)
    assert answer.status_code == 202
    browser = requests.Session()
    browser.post(f"{url}/sign-in", {"token": ADMIN}, timeout=30).raise_for_status()
    page = browser.get(f"{url}/audit", headers={"Accept": "text/html"}, timeout=30).text
    csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
    assert browser.post(f"{url}/sign-out", {"csrf": csrf}, timeout=30).ok
    assert requests.post(f"{url}/sign-in", {"token": "wrong"}, timeout=30).status_code == 401
    recover(system.redis, system.connections)
    limiter = RedisLimiter(system.redis, "account", PUBLISHED)  # once more, for the windows of deliveries are over soon
    limiter.pause("get_profiles", 600)
    assert limiter.acquire("get_lists") == 0.0


def test_every_key_of_a_ledger_that_was_used_is_described(system: LocalSystem, redis: Redis, redis_url: str) -> None:
    senders = (Sender("slow", (OWN,), routes=frozenset({"changes"}), rate=Hourly(1, 3)),)
    with console(redis_url, tokens=(Token("mparticle", TOKEN),), senders=senders) as running:
        use(system, running.url)
    assert undescribed(redis) == []
    used = {
        name for name, pattern in patterns().items() for key in redis.scan_iter() if pattern.fullmatch(key.decode())
    }
    for name in (
        "limits:window/...",
        "limits:pause:<account>:<endpoint>",
        "throttle:<what>/...",
        "rates:sender/<name>/...",
        "signed-out:<session>",
        "users",
    ):
        assert f"ferry:{name}" in used, f"no key of {name} was written: the test has lost its way"
    assert len(used) > 25


def test_a_key_that_nobody_describes_is_found(redis: Redis) -> None:
    redis.set("ferry:{p01}:q:default/audience/42", 1)
    redis.set("ferry:heartbeat:schedulers", 1)
    assert undescribed(redis) == ["ferry:heartbeat:schedulers"]


def test_the_files_that_the_descriptions_name_are_there() -> None:
    named = re.findall(r"[\w/]+\.py", keys.__doc__ or "")
    assert [name for name in named if not (ROOT / "queues" / name).exists()] == []
    assert len(named) > 20
