"""One queue, a worker that can be rung, and Klaviyo's emulator over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
import requests
from redis import Redis

from queues import dead_letters, keys, pending
from queues.acceptance import Acceptance, accept
from queues.census import count
from queues.change import Action, Body, encode, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.policy import FlushPolicy, decide
from worker import deliver as task
from worker.process import settings_of_process, sharing

QUEUE = Queue("default", "audience", "42")
IDENTITIES = ("email", "phone", "phone_number", "external_id")
_HEADERS = {"Authorization": "Klaviyo-API-Key pk_test", "revision": "2026-10-15"}
SECRET = "a secret of at least sixteen characters"
#: One for all tests: a connection of its own would take longer than most requests, and so would looking for proxies.
_kept = requests.Session()
_kept.trust_env = False


class World:
    """One queue, an audience's unless told otherwise, a worker that can be rung, and Klaviyo."""

    def __init__(self, redis: Redis, klaviyo: str, queue: Queue = QUEUE) -> None:
        self.redis, self.klaviyo, self.queue = redis, klaviyo, queue
        self.settings: dict[str, str] = {}
        self.name = "VIPs"

    def change(self, action: Action, *people: str | dict[str, Any], at: int | None = None) -> None:
        """Accept one message about these people; a text is an address. `at`: the CDP's time in ms, now without it."""
        changes = []
        for person in people:
            fragment: dict[str, Any] = {"email": person} if isinstance(person, str) else person
            body = Body(action, at or now_ms(), "changes", "m", msgspec.Raw(msgspec.json.encode(fragment)))
            known = fragment.get("profile", fragment)
            named = ((name, str(known[name])) for name in IDENTITIES if name in known)
            changes.append(encode(tuple(person_key(*pair) for pair in named), now_ms(), body))
        audience = msgspec.json.encode({"name": self.name, "settings": self.settings})
        accept(self.redis, Acceptance(self.queue, FlushPolicy(), "", changes, audience=audience), now_ms())

    def take(self) -> str:
        """What an operator's flush takes; the batch."""
        pending.flush(self.redis, self.queue, now_ms())
        (seen,) = pending.look(self.redis, [self.queue])
        decision = decide(seen.waiting, FlushPolicy(upload_max=10_000), now_ms())
        assert decision is not None
        batch_id = pending.take(self.redis, seen, decision[0], decision[1], now_ms())
        assert batch_id is not None
        return batch_id

    def ring(self, batch_id: str) -> None:
        """Ring the worker now, whatever the batch waits for."""
        self.redis.hset(keys.batch(batch_id), "lease", 0) if self.redis.exists(keys.batch(batch_id)) else None
        task.deliver(batch_id)

    def deliver(self, rings: int = 5) -> str:
        """Take everything and ring until it is settled, at most `rings` times."""
        batch_id = self.take()
        for _ in range(rings):
            self.ring(batch_id)
        return batch_id

    def members(self, name: str = "VIPs") -> set[str]:
        answer = _kept.get(f"{self.klaviyo}/_emulator/lists/{name}/members", timeout=30)
        return set(answer.json()["members"]) if answer.ok else set()

    def person(self, address: str) -> dict[str, Any] | None:
        answer = _kept.get(f"{self.klaviyo}/_emulator/profiles/{address}", timeout=30)
        found: dict[str, Any] | None = answer.json() if answer.ok else None
        return found

    def fault(self, fault: str, path: str = "", times: int = 1, body: str = "", **more: Any) -> None:
        order = {"fault": fault, "times": times, "match": {"path": path, "body": body}, **more}
        _kept.post(f"{self.klaviyo}/_emulator/faults", json=order, timeout=30).raise_for_status()

    def requests(self, path: str = "", method: str = "") -> list[dict[str, Any]]:
        journal = _kept.get(f"{self.klaviyo}/_emulator/requests", timeout=30).json()
        return [r for r in journal if r["path"].startswith(path) and method in ("", r["method"])]

    def control(self, name: str, **order: Any) -> None:
        """Tell the emulator, such as which keys it accepts."""
        _kept.post(f"{self.klaviyo}/_emulator/{name}", json=order, timeout=30).raise_for_status()

    def delete_list(self, list_id: str) -> None:
        _kept.delete(f"{self.klaviyo}/api/lists/{list_id}", headers=_HEADERS, timeout=30).raise_for_status()

    def create_list(self, name: str) -> str:
        body = {"data": {"type": "list", "attributes": {"name": name}}}
        answer = _kept.post(f"{self.klaviyo}/api/lists", json=body, headers=_HEADERS, timeout=30)
        return str(answer.json()["data"]["id"])

    def unsubscribe(self, address: str, list_name: str | None) -> None:
        """The person leaves a list, or everything, by Klaviyo's own means."""
        person = {"email": address, "subscriptions": {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}}}
        data: dict[str, Any] = {"type": "profile-subscription-bulk-delete-job"}
        data["attributes"] = {"profiles": {"data": [{"type": "profile", "attributes": person}]}}
        if list_name:
            lists = _kept.get(f"{self.klaviyo}/api/lists", headers=_HEADERS, timeout=30).json()["data"]
            list_id = next(each["id"] for each in lists if each["attributes"]["name"] == list_name)
            data["relationships"] = {"list": {"data": {"type": "list", "id": list_id}}}
        url = f"{self.klaviyo}/api/profile-subscription-bulk-delete-jobs"
        _kept.post(url, json={"data": data}, headers=_HEADERS, timeout=30).raise_for_status()

    def write_profile(self, **attributes: str) -> None:
        """Somebody else writes a profile in the account."""
        data = {"data": {"type": "profile", "attributes": attributes}}
        url = f"{self.klaviyo}/api/profile-import"
        _kept.post(url, json=data, headers=_HEADERS, timeout=30).raise_for_status()

    def subscribe_sms(self, phone: str) -> None:
        """The owner of a phone agreed to marketing by SMS."""
        consent = {"sms": {"marketing": {"consent": "SUBSCRIBED", "consented_at": "2026-01-01T00:00:00Z"}}}
        row = {"type": "profile", "attributes": {"phone_number": phone, "subscriptions": consent}}
        # As of an import of old consents: nobody is asked to confirm.
        attributes = {"profiles": {"data": [row]}, "historical_import": True}
        data = {"type": "profile-subscription-bulk-create-job", "attributes": attributes}
        url = f"{self.klaviyo}/api/profile-subscription-bulk-create-jobs"
        _kept.post(url, json={"data": data}, headers=_HEADERS, timeout=30).raise_for_status()

    def imported(self) -> int:
        """Changes of people whom Klaviyo imported and nobody looked for."""
        return count(self.redis, [self.queue])[0].imported

    def counts(self) -> dict[str, int]:
        names = ("accepted", "open", "delivered", "dead", "superseded")
        found = self.redis.hmget(keys.queue(self.queue), *names)
        return {name: int(value or 0) for name, value in zip(names, found, strict=True)}

    def dead(self) -> dict[str, str]:
        """Reasons by address (or by whatever identifies the person)."""
        letters = dead_letters.read(self.redis, self.queue)
        return {next(iter(msgspec.json.decode(x.change.body.person).values())): x.reason for x in letters}

    def left_out(self) -> dict[str, int]:
        """People delivered without something, by the code of what it was."""
        return dict(count(self.redis, [self.queue])[0].left_out)

    def look(self, name: str, **query: str) -> Any:
        """What the emulator tells beside the API."""
        return _kept.get(f"{self.klaviyo}/_emulator/{name}", params=query, timeout=5).json()

    def attempts(self, batch_id: str) -> int:
        return int(self.redis.hget(keys.batch(batch_id), "attempts") or 0)


@contextmanager
def world_of(
    redis: Redis, redis_url: str, klaviyo: str, monkeypatch: pytest.MonkeyPatch, queue: Queue = QUEUE
) -> Iterator[World]:
    """An empty account, and settings for deliveries in this process."""
    _kept.post(f"{klaviyo}/_emulator/reset", timeout=30).raise_for_status()
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("KLAVIYO_BASE_URL", klaviyo)
    monkeypatch.setenv("KLAVIYO_API_KEY", "pk_test")
    monkeypatch.setenv("FERRY_SECRET_KEY", SECRET)
    settings_of_process.cache_clear()
    with sharing(redis):  # as the deliveries of a worker do
        yield World(redis, klaviyo, queue)
    settings_of_process.cache_clear()


def addresses(n: int) -> list[str]:
    return [f"p{i}+tag@example.com" for i in range(n)]
