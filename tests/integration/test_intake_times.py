"""All senders are believed alike about times: none is of the future, none of before 2015, and each such is counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest
from redis import Redis

from queues import keys, metrics
from queues.change import decode, person_key
from queues.clock import now_ms
from queues.names import Queue
from queues.people import consents
from queues.snapshots import orders
from tests.support.emulator_api import SUBSCRIBE
from tests.support.intake import Intake
from tests.support.posted import PATH, membership, message
from tests.support.segment_world import SegmentWorld
from tests.support.waiting import until

YEAR = 365 * 86_400_000
_2015 = 1_420_070_400_000


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def at_of(redis: Redis, queue: str) -> int:
    (stored,) = cast("list[bytes]", redis.lrange(keys.queue(Queue.parse(queue), "pending"), 0, -1))
    return decode(stored).body.at


def of_changes(intake: Intake, redis: Redis, time: Any) -> int:
    change = {"action": "add", "email": "ann@example.com", "timestamp": time, "audience": {"id": 42}}
    assert intake.post("/v1/changes", {"changes": [change]}).json()["rejected"] == []
    return at_of(redis, "default/audience/42")


def of_lines(intake: Intake, redis: Redis, time: Any) -> int:
    change = msgspec.json.encode({"action": "add", "email": "ann@example.com", "timestamp": time})
    intake.post("/v1/changes?audience=42", change, Content_Type="application/x-ndjson")
    return at_of(redis, "default/audience/42")


def of_mparticle(intake: Intake, redis: Redis, time: Any) -> int:
    assert intake.post(PATH, membership("ann@example.com", timestamp_ms=time)).status_code == 202
    return at_of(redis, "mparticle-123456/audience/456")


def of_segment(intake: Intake, redis: Redis, time: Any) -> int:
    intake.post("/v1/segment", {"type": "identify", "userId": "1", "timestamp": time, "traits": {"plan": "gold"}})
    return at_of(redis, "default/profile/profiles")


def of_snapshot(intake: Intake, redis: Redis, time: Any) -> int:
    path = f"/v1/audiences/42/members?at={str(time).replace('+', '%2B')}"
    answer = intake.put(path, b"email\na@example.com\n", Content_Type="text/csv").json()
    record = orders.record(redis, answer["snapshot"])
    assert record is not None
    return record.order.at


NUMBERS: dict[str, Callable[[Intake, Redis, Any], int]] = {
    "changes": of_changes,
    "changes as lines": of_lines,
    "mparticle": of_mparticle,
    "segment": of_segment,
    "snapshot": of_snapshot,
}
TEXTS = {name: of for name, of in NUMBERS.items() if name != "mparticle"}


def clamped(redis: Redis) -> int:
    return sum(count for (name, *_), count in metrics.read(redis).items() if name == metrics.CLAMPED)


def assert_clamped(redis: Redis, times: int) -> None:
    """The intake counts after it has answered; what is not counted is looked for once."""
    if times:
        until(lambda: clamped(redis) > 0, "the time is counted")
    assert clamped(redis) == times


@pytest.mark.parametrize("source", NUMBERS)
@pytest.mark.parametrize("ahead", [30_000, YEAR, 74 * YEAR, 9_999_999_999_999 - 1_800_000_000_000])
def test_a_time_of_the_future_is_that_of_the_arrival_and_counted(
    steady: Intake, redis: Redis, source: str, ahead: int
) -> None:
    before = now_ms()
    found = NUMBERS[source](steady, redis, before + ahead)
    assert before <= found <= now_ms()
    assert_clamped(redis, 1)


@pytest.mark.parametrize("source", TEXTS)
@pytest.mark.parametrize("text", ["2100-01-01", "9999-12-31T23:59:59Z", "4102444800000", "2100-01-01T00:00:00+02:00"])
def test_a_text_of_the_future_is_too(steady: Intake, redis: Redis, source: str, text: str) -> None:
    before = now_ms()
    found = TEXTS[source](steady, redis, text)
    assert before <= found <= now_ms()
    assert_clamped(redis, 1)


@pytest.mark.parametrize("source", NUMBERS)
@pytest.mark.parametrize("time", [0, 1, _2015 - 1])
def test_a_time_of_before_2015_is_that_of_the_arrival_and_counted(
    steady: Intake, redis: Redis, source: str, time: int
) -> None:
    before = now_ms()
    found = NUMBERS[source](steady, redis, time)
    assert before <= found <= now_ms()
    # Of Segment's times, of which a message has four, 0 says nothing.
    assert_clamped(redis, 0 if (source, time) == ("segment", 0) else 1)


@pytest.mark.parametrize("source", NUMBERS)
def test_seconds_are_never_taken_for_ms(steady: Intake, redis: Redis, source: str) -> None:
    before = now_ms()
    told = before // 1000 - 3_600
    found = NUMBERS[source](steady, redis, told)
    # Segment's times may be seconds, and are read as such.
    assert found == told * 1000 if source == "segment" else before <= found <= now_ms()
    assert_clamped(redis, (source != "segment"))


@pytest.mark.parametrize("source", NUMBERS)
def test_a_time_that_can_be_is_kept(steady: Intake, redis: Redis, source: str) -> None:
    told = now_ms() - 3_600_000
    assert NUMBERS[source](steady, redis, told) == told
    assert_clamped(redis, 0)


@pytest.mark.parametrize("source", TEXTS)
def test_digits_and_iso_8601_are_the_same_time(steady: Intake, redis: Redis, source: str) -> None:
    for told, text in ((1_612_030_400_000, "1612030400000"), (1_795_262_400_000 - YEAR, iso(1_795_262_400_000 - YEAR))):
        redis.flushall()
        assert TEXTS[source](steady, redis, text) == told


@pytest.mark.parametrize("ahead", [30_000, YEAR])
def test_an_event_and_a_consent_of_the_future_happened_when_they_came(steady: Intake, redis: Redis, ahead: int) -> None:
    before = now_ms()
    event = {"type": "track", "event": "Seen", "userId": "1", "timestamp": iso(before + ahead)}
    steady.post("/v1/segment", event)
    (stored,) = cast("list[bytes]", redis.lrange(keys.queue(Queue.parse("default/event/events"), "pending"), 0, -1))
    time = msgspec.json.decode(decode(stored).body.person)["time"]
    assert before <= datetime.fromisoformat(time).timestamp() * 1000 <= now_ms()
    assert_clamped(redis, 1)


@pytest.mark.parametrize("field", ["consent_state", "system_notifications"])
@pytest.mark.parametrize(("dated", "agrees"), [(9_000_000_000_000, True), (1_790_000_000, False), (0, False)])
def test_a_decision_of_mparticles_counts_from_its_message_where_its_own_time_cannot_be(
    steady: Intake, redis: Redis, field: str, dated: int, agrees: bool
) -> None:
    before = now_ms()
    record = {"consented": agrees, "timestamp_unixtime_ms": dated}
    notification = {"type": "gdpr_consent_state", "purpose": "news", "new_gdpr_consent_state": record}
    state: Any = {"gdpr_consent_state": {"news": record}} if field == "consent_state" else [notification]
    identities = [{"type": "email", "encoding": "raw", "value": "ann@example.com"}]
    posted = message("event_processing", user_identities=identities, timestamp_ms=before) | {field: state}
    assert steady.post(PATH, posted).status_code == 200
    ((state_of,),) = consents.recall(redis, "mparticle-123456", [(person_key("email", "ann@example.com"),)])
    found, at = dict(state_of)["news"]
    assert found is agrees
    assert before <= at <= now_ms()


def test_a_consent_given_a_moment_ahead_subscribes(segment: SegmentWorld) -> None:
    ahead = iso(now_ms() + 30_000)
    list_id = segment.create_list("News")
    given = {"email": "ann@example.com", "list": list_id, "historical": True, "since": ahead}
    segment.send(
        {"type": "track", "event": "User Subscribed", "context": {"traits": {"email": "ann@example.com"}}}
        | {"properties": given},
        connection="own",
    )
    assert segment.members("News") == {"ann@example.com"}
    assert not segment.letters()
    assert segment.requests(SUBSCRIBE)
