"""For tests of `ferry sync`: files, waiting for the end of it, and somebody who touches the list in Klaviyo itself."""

from __future__ import annotations

from pathlib import Path

import requests
from redis import Redis

from queues.census import count
from queues.snapshots import orders
from tests.support.waiting import until
from tests.support.world import QUEUE, World

SNAPSHOTS = orders.queue_of(QUEUE.connection, QUEUE.target)
_HEADERS = {"Authorization": "Klaviyo-API-Key pk_test", "revision": "2026-10-15"}


def file(folder: Path, *people: str, header: str = "email", name: str = "vips.csv") -> str:
    """A CSV file of these lines; its path."""
    found = folder / name
    found.write_text("\n".join([header, *people]) + "\n")
    return str(found)


def settled(redis: Redis) -> None:
    """Wait until nothing of the audience waits or is open, snapshots first, for they bring more."""
    until(lambda: not any(found.waiting.pending or found.open for found in count(redis, [SNAPSHOTS, QUEUE])))


def touched(world: World, add: str, remove: str) -> None:
    """Somebody puts one person on the list and takes another one off."""
    lists = requests.get(f"{world.klaviyo}/api/lists", headers=_HEADERS, timeout=30).json()["data"]
    list_id = next(each["id"] for each in lists if each["attributes"]["name"] == "VIPs")
    url = f"{world.klaviyo}/api/lists/{list_id}/relationships/profiles"
    for method, address in (("POST", add), ("DELETE", remove)):
        body = {"data": [{"type": "profile", "id": _profile(world, address)}]}
        requests.request(method, url, json=body, headers=_HEADERS, timeout=30).raise_for_status()


def _profile(world: World, address: str) -> str:
    body = {"data": {"type": "profile", "attributes": {"email": address}}}
    answer = requests.post(f"{world.klaviyo}/api/profiles", json=body, headers=_HEADERS, timeout=30).json()
    errors = answer.get("errors")
    return str(errors[0]["meta"]["duplicate_profile_id"] if errors else answer["data"]["id"])
