"""From Segment's POST through trouble at Klaviyo: what may pass waits, what cannot is reported, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from queues import holds
from tests.support.consents import waits
from tests.support.emulator_api import EVENTS, IMPORTS, SUBSCRIBE
from tests.support.segment_world import SegmentWorld
from worker.refusals import MAX_ATTEMPTS

IDENTIFY, SEEN, SUBSCRIBED = "identify", "Seen", "User Subscribed"
PATHS = [(IDENTIFY, IMPORTS), (SEEN, EVENTS), (SUBSCRIBED, SUBSCRIBE)]


def message(what: str, address: str = "ann@example.com") -> dict[str, Any]:
    """An identify, or a track of this event."""
    kind = {"type": "identify"} if what == IDENTIFY else {"type": "track", "event": what}
    return {**kind, "traits": {"email": address}, "properties": {"page": "/"}}


def ring(segment: SegmentWorld, times: int = 1) -> str:
    """The batch of what was posted, for which a worker is rung so often."""
    (batch_id,) = segment.take_all()
    for _ in range(times):
        segment.ring(batch_id)
    return batch_id


@pytest.mark.parametrize(("what", "path"), PATHS)
def test_klaviyo_is_left_alone_for_as_long_as_it_asks(segment: SegmentWorld, what: str, path: str) -> None:
    segment.fault("429", path, retry_after=120)
    segment.post(message(what), connection="own")
    batch_id = ring(segment)
    assert waits(segment, batch_id) == pytest.approx(120, abs=30)
    segment.settle()
    assert [request["status"] for request in segment.requests(path, "POST")] == [429, 202]
    assert not segment.letters()


@pytest.mark.parametrize(("what", "path"), PATHS)
@pytest.mark.parametrize(("fault", "reason"), [("401", "unauthenticated"), ("403", "forbidden")])
def test_what_the_key_may_not_do_is_held_with_the_reason_and_not_tried_again_and_again(
    segment: SegmentWorld, what: str, path: str, fault: str, reason: str
) -> None:
    segment.fault(fault, path, times=100)
    segment.post(message(what), connection="own")
    ring(segment, times=5)
    assert len(segment.requests(path, "POST")) == 1
    (queue,) = segment.queues()
    hold = holds.of_queue(segment.redis, queue)
    assert hold is not None
    assert (hold.reason, "then release" in hold.resolve) == (reason, True)
    segment.control("reset")
    for held in (queue, "own"):
        holds.release(segment.redis, held)
    segment.settle()
    assert [request["status"] for request in segment.requests(path, "POST")] == [202]
    assert not segment.letters()


@pytest.mark.parametrize(("what", "path"), PATHS)
def test_a_refusal_without_a_pointer_is_a_dead_letter_and_not_tried_for_ever(
    segment: SegmentWorld, what: str, path: str
) -> None:
    segment.fault("400", path, times=100, body='"bad@example.com"')
    segment.send(*(message(what, f"{name}@example.com") for name in ("a", "b", "bad", "c")), connection="own")
    (letter,) = segment.letters()
    assert (letter.reason, bytes(letter.change.body.person).count(b"bad@example.com")) == ("invalid", 1)
    requests = segment.requests(path, "POST")
    assert len([request for request in requests if request["status"] == 400]) == 3
    delivered = sum(str(request["body"]).count("@example.com") for request in requests if request["status"] == 202)
    assert delivered == 3


@pytest.mark.parametrize(("what", "path"), PATHS)
def test_what_klaviyo_never_takes_is_given_up_and_kept_with_its_words(
    segment: SegmentWorld, what: str, path: str
) -> None:
    segment.fault("500", path, times=100)
    segment.post(message(what), connection="own")
    ring(segment, times=3 * MAX_ATTEMPTS)
    assert segment.reasons() == {"gave_up": 1}
    assert len(segment.requests(path, "POST")) == MAX_ATTEMPTS


@pytest.mark.parametrize(("what", "path"), PATHS)
@pytest.mark.parametrize("fault", ["503_html", "403_html", "reset", "lost_response", "slow_body"])
def test_an_answer_that_is_no_json_or_none_costs_nobody(
    segment: SegmentWorld, what: str, path: str, fault: str
) -> None:
    segment.fault(fault, path, seconds=0.1)
    segment.send(message(what), message(what, "bob@example.com"), connection="own")
    assert not segment.letters()
    assert all(segment.of(queue).counts()["delivered"] == 2 for queue in segment.queues())
    assert len(segment.events()) == (2 if what == SEEN else 0)
