"""`POST /v1/segment` on a real server and ledger: what is stored, recognised, counted, and refused."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis

from configuration.connections import Connection, Connections
from configuration.settings import Settings, Token
from intake.http import limits
from mappings.segment import settings
from queues import census, dead_letters, keys, pending
from queues.change import decode
from queues.names import Queue
from tests.support.intake import TOKEN, Intake, known, running
from tests.support.intake_redis import server
from tests.support.proxied_system import READS
from tests.support.proxy import Proxy
from tests.support.segment import PERSONAS, message

PATH = "/v1/segment"
PROFILES = Queue("default", "profile", "profiles")
EVENTS = Queue("default", "event", "events")
CONSENTS = Queue("default", "consent", "consents")
BAD = {"type": "nonsense"}


def stored(redis: Redis, queue: Queue = PROFILES) -> list[dict[str, Any]]:
    changes = [decode(cast("bytes", each)) for each in redis.lrange(keys.queue(queue, "pending"), 0, -1)]
    return [json.loads(bytes(change.body.person)) for change in changes]


def people(number: int, **more: Any) -> list[dict[str, Any]]:
    """Messages of so many people, each with its own id."""
    return [message(messageId=f"m-{n}", traits={"email": f"p{n}@example.com"}, **more) for n in range(number)]


def test_a_message_is_in_the_ledger_when_it_is_answered(intake: Intake, redis: Redis) -> None:
    response = intake.post(PATH, message())
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json;charset=utf-8"
    assert response.json() == {"success": True, "accepted": 1, "unmapped": 0, "dead": 0}
    assert stored(redis) == [{"email": "ann@example.com"}]


def test_several_actions_may_be_for_one_message(intake: Intake, redis: Redis) -> None:
    entered = message("track", event="Audience Entered", context={"personas": PERSONAS})
    assert intake.post(PATH, {"batch": [entered]}).json()["accepted"] == 1
    audience = Queue("default", "audience", "aud_1")
    assert (stored(redis, audience), len(stored(redis, EVENTS))) == ([{"email": "ann@example.com"}], 1)
    assert pending.audience(redis, audience) == {"name": "vips", "settings": {}}


def test_a_batch_is_answered_with_what_became_of_its_messages(
    intake: Intake, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    unsubscribed = message("track", event="User Unsubscribed", messageId="m-2")
    batch = [message(), unsubscribed, message("page"), BAD, message("delete"), message(traits={}, messageId="m-3"), 5]
    with caplog.at_level(logging.INFO, "intake"):
        answer = intake.post(PATH, {"batch": batch, "sentAt": "2026-01-01T00:00:00Z"}).json()
    assert answer == {"success": True, "accepted": 3, "unmapped": 1, "dead": 3}
    assert [len(stored(redis, queue)) for queue in (PROFILES, CONSENTS, EVENTS)] == [1, 1, 1]
    unreadable = dead_letters.read(redis, Queue("default", "audience", "unreadable"))
    assert [letter.reason for letter in unreadable] == ["malformed", "malformed"]
    assert [letter.reason for letter in dead_letters.read(redis, PROFILES)] == ["no_identifier"]
    assert "answered 1 page; they have no action" in caplog.text


def test_a_repeated_message_is_answered_alike_and_stored_once(intake: Intake, redis: Redis) -> None:
    batch = {"batch": [*people(3), BAD]}
    first, second = (intake.post(PATH, batch).json() for _ in range(2))
    alone = intake.post(PATH, people(1)[0]).json()
    assert (first, alone["accepted"]) == (second, 1)
    assert len(stored(redis)) == 3
    (found,) = census.count(redis, [Queue("default", "audience", "unreadable")])
    assert found.accepted == 1


def test_a_message_that_stands_twice_in_a_batch_is_stored_once(intake: Intake, redis: Redis) -> None:
    assert intake.post(PATH, {"batch": [message(), message()]}).json()["accepted"] == 2
    assert len(stored(redis)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_batch_that_is_cut_off_halfway_and_repeated_is_stored_whole_and_once(
    redis_url: str, redis: Redis, when: Any
) -> None:
    batch = {"batch": people(700)}
    with Proxy(redis_url) as proxy, running(known(f"redis://127.0.0.1:{proxy.port}/0")) as intake:
        assert intake.post(PATH, message("track", event="Seen")).status_code == 200  # so that the script is known
        proxy.reset_at(2, when, READS | {"LPUSH", "LTRIM"})  # those are the doorbell's
        cut_off = intake.post(PATH, batch)
        assert (cut_off.status_code, cut_off.headers["Retry-After"], proxy.sprung) == (503, "5", True)
        assert 0 < len(stored(redis)) < 700
        assert intake.post(PATH, batch).json()["accepted"] == 700
    assert [person["email"] for person in stored(redis)] == [each["traits"]["email"] for each in batch["batch"]]


def of_brand_b(redis_url: str, *actions: dict[str, Any]) -> Settings:
    brand_b = Connection("brand-b", actions=settings.read(list(actions)))
    connections = Connections({"default": Connection("default"), "brand-b": brand_b})
    return Settings(redis_url=redis_url, connections=connections, tokens=(Token("segment", TOKEN),))


def test_a_connection_may_be_named_and_has_its_own_actions(redis_url: str, redis: Redis) -> None:
    joins = {"action": "upsert_profile", "trigger": 'type = "group"', "list_id": "$.groupId"}
    with running(of_brand_b(redis_url, joins)) as intake:
        batch = {"batch": [message("group", groupId="AbCdEf"), message(messageId="m-2")]}
        answer = intake.post(PATH + "?connection=brand-b", batch).json()
        unknown = intake.post(PATH + "?connection=nowhere", batch)
    assert (answer["accepted"], answer["unmapped"]) == (1, 1)
    queue = Queue("brand-b", "audience", "list:AbCdEf")
    assert stored(redis, queue) == [{"email": "ann@example.com"}]
    assert pending.audience(redis, queue)["settings"] == {"listId": "AbCdEf"}
    assert unknown.status_code == 404
    assert "known: brand-b, default" in unknown.json()["error"]["description"]


def test_ten_thousand_messages_fit_and_one_more_does_not(intake: Intake, redis: Redis) -> None:
    refused = intake.post(PATH, {"batch": [message("page")] * 10_001})
    assert refused.status_code == 413
    assert "10,000 messages" in refused.json()["error"]["description"]
    assert intake.post(PATH, {"batch": [message("page")] * 10_000}).json()["unmapped"] == 10_000
    assert redis.keys() == []


def test_gzip_is_taken_and_a_body_beyond_the_limit_is_not(intake: Intake, redis: Redis) -> None:
    packed = gzip.compress(json.dumps(message()).encode())
    assert intake.post(PATH, packed, Content_Encoding="gzip").json()["accepted"] == 1
    assert intake.post(PATH, b" " * (limits.BODY + 1)).status_code == 413
    assert len(stored(redis)) == 1


@pytest.mark.parametrize(
    "trap", [b"NaN", b"01", b"[1,]", b'"\\ud80"', b'"\xff"', b"/* note */ 1", b"'text'", b"[" * 100_000]
)
def test_what_is_no_json_is_refused_wherever_it_stands(intake: Intake, redis: Redis, trap: bytes) -> None:
    for body in (
        b'{"type":"identify","x":%s}' % trap,
        b'{"batch":[],"x":%s}' % trap,
        b'{"batch":[{"type":"identify","traits":{"email":"a@example.com","x":%s}}]}' % trap,
    ):
        response = intake.post(PATH, body)
        assert response.status_code == 400
        assert response.json()["error"]["description"].startswith(("$: ", "$.x[0]", "$.batch[0].traits.x[0]"))
    assert redis.keys() == []


@pytest.mark.parametrize("path", [PATH, "/v1/batch", "/v1/import"])
def test_one_emoji_that_is_cut_off_costs_nobody_in_the_batch_anything(intake: Intake, redis: Redis, path: str) -> None:
    batch = people(10)
    batch[4]["traits"]["firstName"] = "Hello \ud83d"  # "Hello 😀".slice(0, 7) in JavaScript
    body = json.dumps({"batch": batch}).encode()
    assert intake.post(path, gzip.compress(body), Content_Encoding="x-gzip").json()["accepted"] == 10
    assert [each.get("first_name") for each in stored(redis)][3:6] == [None, "Hello \ufffd", None]


def test_while_redis_is_away_nothing_is_accepted_and_afterwards_all_is(tmp_path: Path) -> None:
    with server(tmp_path, "--appendonly", "yes") as (process, url), running(known(url)) as intake:
        process.kill()
        process.wait(30)
        refused = intake.post(PATH, {"batch": people(3)})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        with server(tmp_path, "--appendonly", "yes"), Redis.from_url(url) as redis:
            assert intake.post(PATH, {"batch": people(3)}).json()["accepted"] == 3
            assert len(stored(redis)) == 3


def test_a_queue_that_is_full_is_answered_503(redis_url: str, redis: Redis) -> None:
    with running(known(redis_url, max_pending_per_queue=2)) as intake:
        assert intake.post(PATH, {"batch": people(2)}).status_code == 200
        full = intake.post(PATH, message(messageId="m-9"))
    assert (full.status_code, full.headers["Retry-After"]) == (503, "5")
    assert len(stored(redis)) == 2
