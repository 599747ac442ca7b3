"""A name of blanks says nothing of an audience: what was known of it before stays, whoever sends it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from redis import Redis

from queues import pending
from queues.names import Queue
from queues.snapshots import orders
from tests.support.intake import Intake
from tests.support.posted import PATH, QUEUE, membership, message

BLANKS = ["", " ", "\u00a0\t", "\u200b\u2060"]
CHANGES = Queue("default", "audience", "42")
PERSON: dict[str, Any] = {"action": "add", "email": "ann@example.com"}


def name_of(redis: Redis, queue: Queue) -> str | None:
    found: str | None = pending.audience(redis, queue).get("name")
    return found


@pytest.mark.parametrize("blank", BLANKS)
def test_of_a_change(intake: Intake, redis: Redis, blank: str) -> None:
    for name in ("VIPs", blank):
        intake.post("/v1/changes", {"changes": [PERSON | {"audience": {"id": 42, "name": name}}]})
    intake.post(f"/v1/changes?audience=42&name={quote(blank)}", {"changes": [PERSON]})
    assert name_of(redis, CHANGES) == "VIPs"


@pytest.mark.parametrize("blank", BLANKS)
def test_of_mparticles(intake: Intake, redis: Redis, blank: str) -> None:
    intake.post(PATH, membership("ann@example.com"))
    posted = membership("ben@example.com")
    posted["user_profiles"][0]["audiences"] = [{"audience_id": 456, "audience_name": blank, "action": "add"}]
    assert intake.post(PATH, posted).status_code == 202
    assert name_of(redis, QUEUE) == "VIPs"
    intake.post(PATH, message("audience_subscription", audience_id=456, audience_name=blank, action="add"))
    assert name_of(redis, QUEUE) == ""


@pytest.mark.parametrize("blank", BLANKS)
def test_of_a_snapshot(intake: Intake, redis: Redis, blank: str) -> None:
    path = "/v1/audiences/42/members"
    for name in ("VIPs", blank):
        answer = intake.put(f"{path}?name={quote(name)}", b"email\na@example.com\n", Content_Type="text/csv").json()
        record = orders.record(redis, answer["snapshot"])
        assert record is not None
        assert record.order.name == (name if name == "VIPs" else "")
    assert name_of(redis, Queue("default", "snapshot", "42")) == "VIPs"
