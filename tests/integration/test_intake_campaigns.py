"""`POST /v1/campaigns` on a real server and ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from queues import keys, pending
from queues.names import Queue
from queues.snapshots import orders
from queues.snapshots.orders import PIECE, Record
from tests.support.intake import TOKEN, Intake, known, running

PATH = "/v1/campaigns"
ANN, BOB, EVE = ({"email": f"{name}@example.com", "plan": "gold"} for name in ("ann", "bob", "eve"))
CAMPAIGN: dict[str, Any] = {
    "name": "Summer",
    "groups": [{"name": "A", "members": [ANN, EVE]}, {"name": "B", "members": [BOB]}],
    "exclusions": [{"email": "eve@example.com"}],
}


@pytest.fixture(scope="module")
def intake(redis_server: str) -> Iterator[Intake]:
    with running(known(redis_server)) as started:
        yield started


def record(redis: Redis, sync: dict[str, Any]) -> Record:
    found = orders.record(redis, sync["snapshot"])
    assert found is not None
    return found


def lines(redis: Redis, sync: dict[str, Any]) -> list[Any]:
    return [json.loads(line) for line in b"".join(orders.body(redis, sync["snapshot"])).splitlines()]


def test_every_group_is_in_the_ledger_when_it_is_answered(intake: Intake, redis: Redis) -> None:
    response = intake.post(PATH, CAMPAIGN)
    assert response.status_code == 202
    assert response.json()["campaign"] == "Summer"
    first, second = response.json()["syncs"]
    assert {key: first[key] for key in ("group", "list", "members", "excluded")} == {
        "group": "A",
        "list": "Summer - A",
        "members": 1,
        "excluded": 1,
    }
    assert (second["list"], second["members"], second["excluded"]) == ("Summer - B", 1, 0)
    assert (lines(redis, first), lines(redis, second)) == ([ANN], [BOB])
    for sync in (first, second):
        queue = Queue.parse(record(redis, sync).queue)
        assert redis.llen(keys.queue(queue, "pending")) == 1
        assert pending.audience(redis, queue)["name"] == sync["list"]
        assert intake.get(sync["status"], TOKEN).json()["order"]["list_name"] == sync["list"]


def test_the_same_campaign_again_is_for_the_same_lists(intake: Intake, redis: Redis) -> None:
    first, second = (intake.post(PATH, CAMPAIGN).json()["syncs"] for _ in range(2))
    assert [record(redis, sync).queue for sync in first] == [record(redis, sync).queue for sync in second]
    for one, other in zip(first, second, strict=True):
        assert (lines(redis, one), one["snapshot"] == other["snapshot"]) == (lines(redis, other), False)


def test_merged_groups_are_one_list_without_a_group(intake: Intake, redis: Redis) -> None:
    (sync,) = intake.post(PATH, CAMPAIGN | {"lists": "merged"}).json()["syncs"]
    assert (sync["group"], sync["list"], sync["members"], sync["excluded"]) == (None, "Summer", 2, 1)
    assert lines(redis, sync) == [ANN, BOB]


def test_a_group_of_nobody_is_a_snapshot_too(intake: Intake, redis: Redis) -> None:
    (sync,) = intake.post(PATH, {"name": "None", "groups": [{"name": "A", "members": []}]}).json()["syncs"]
    assert (sync["members"], record(redis, sync).bytes, lines(redis, sync)) == (0, 0, [])


def test_a_group_of_many_pieces_is_whole(intake: Intake, redis: Redis) -> None:
    members = [{"email": f"person{number}@example.com", "external_id": number} for number in range(30_000)]
    (sync,) = intake.post(PATH, {"name": "Many", "groups": [{"name": "A", "members": members}]}).json()["syncs"]
    assert record(redis, sync).bytes > 4 * PIECE
    assert lines(redis, sync) == members


def test_one_group_that_cannot_be_keeps_all_of_them_back(intake: Intake, redis: Redis) -> None:
    response = intake.post(PATH, CAMPAIGN | {"groups": [*CAMPAIGN["groups"], {"name": "C", "members": [5]}]})
    assert response.status_code == 400
    assert response.json()["error"]["description"].startswith("$.groups[2].members[0] is not an object")
    assert redis.keys() == []


def test_a_connection_may_be_named(intake: Intake, redis: Redis) -> None:
    (sync, _) = intake.post(PATH, CAMPAIGN | {"connection": "mparticle-5"}).json()["syncs"]
    assert Queue.parse(record(redis, sync).queue).connection == "mparticle-5"
    assert intake.get(sync["status"], TOKEN).status_code == 200
    response = intake.post(PATH, CAMPAIGN | {"connection": "nowhere"})
    assert (response.status_code, "nowhere" in response.text) == (404, True)


def test_it_has_the_limit_of_other_messages_and_needs_a_token(intake: Intake, redis: Redis) -> None:
    assert intake.post(PATH, json.dumps(CAMPAIGN) + " " * 10_485_760).status_code == 413
    assert intake.post(PATH, CAMPAIGN, token="").status_code == 401
    assert redis.keys() == []


def test_where_one_list_has_no_room_the_campaign_is_answered_503(redis: Redis, redis_url: str) -> None:
    with running(known(redis_url, max_pending_per_queue=1)) as intake:
        assert intake.post(PATH, CAMPAIGN).status_code == 202
        response = intake.post(PATH, CAMPAIGN)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert len(redis.keys("ferry:*:body")) == 2, "nothing of the second"


def test_an_answer_503_says_how_many_lists_were_submitted_before_the_full_one(redis: Redis, redis_url: str) -> None:
    with running(known(redis_url, max_pending_per_queue=1)) as intake:
        assert intake.post(PATH, CAMPAIGN | {"groups": CAMPAIGN["groups"][1:]}).status_code == 202
        response = intake.post(PATH, CAMPAIGN)
    assert response.status_code == 503
    assert "1 list was submitted, and the others not" in response.json()["error"]["description"]
    assert len(redis.keys("ferry:*:body")) == 2, "the one of each request that was submitted"
