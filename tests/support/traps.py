"""Sound messages with a place for a trap, and what a refusal of one looks like."""

from __future__ import annotations

from typing import cast

from redis import Redis

from queues import keys
from queues.change import decode
from queues.names import Queue
from tests.support.intake import Intake

CHANGES, MPARTICLE = "/v1/changes", "/v1/mparticle"
#: A sound message for each address, with a place for the trap in the envelope and one in the person.
SOUND = {
    CHANGES: '{"audience":{"id":"42"},"x":%s,"changes":'
    '[{"action":"add","email":"a@example.com","attributes":{"k":%s}}]}',
    MPARTICLE: '{"type":"audience_membership_change_request","x":%s,"user_profiles":[{"mpid":"1","audiences":'
    '[{"audience_id":42,"action":"add","user_attributes":[{"k":%s}]}]}]}',
}
QUEUE = Queue("default", "audience", "42")


def message(path: str, envelope: bytes, person: bytes) -> bytes:
    before, between, after = SOUND[path].split("%s")
    return before.encode() + envelope + between.encode() + person + after.encode()


def stored(redis: Redis) -> list[bytes]:
    changes = cast("list[bytes]", redis.lrange(keys.queue(QUEUE, "pending"), 0, -1))
    return [bytes(decode(change).body.person) for change in changes]


def check_refused(intake: Intake, redis: Redis, path: str, body: bytes, *words: str, **headers: str) -> None:
    response = intake.post(path, body, **headers)
    assert response.status_code == 400
    error = response.json()["error"]
    assert all(word in error["description"] for word in ("Nothing was accepted", *words))
    assert redis.keys() == []
