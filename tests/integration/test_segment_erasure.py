"""From Segment's request to delete a user to Klaviyo, where nobody is ever deleted by an id that is not Klaviyo's."""

from __future__ import annotations

from typing import Any

from queues.clock import now_ms
from queues.names import Queue
from scheduler.tick import take_due
from tests.support.emulator_api import DELETE
from tests.support.recovery import open_batches
from tests.support.segment_world import SegmentWorld

ERASURES = Queue("own", "erasure", "erasures")


def told(kind: str, user_id: str, **traits: Any) -> dict[str, Any]:
    """A message of this user."""
    return {"type": kind, "userId": user_id, "traits": traits}


def known(segment: SegmentWorld, **attributes: str) -> str:
    """The id of a profile that Klaviyo has already."""
    return segment.account.profiles.create({"attributes": attributes}, segment.account.now()).id


def test_the_profile_that_carries_the_user_id_is_deleted_and_what_waits_of_the_person_is_gone(
    segment: SegmentWorld,
) -> None:
    known(segment, email="ann@example.com", external_id="u-1")
    known(segment, email="bob@example.com", external_id="u-2")
    segment.post(
        told("identify", "u-1", email="ann.lee@example.com"),
        told("identify", "u-2", email="bob@example.com", firstName="Bob"),
        {**told("track", "u-1", email="ann.lee@example.com"), "event": "Seen"},
        connection="own",
    )
    segment.post(told("delete", "u-1"), connection="own")
    assert take_due(segment.redis, segment.known.connections, now_ms()) == 1  # the erasure waits for nothing
    (batch_id,) = open_batches(segment.redis)
    segment.ring(batch_id)
    segment.settle()
    assert (segment.person("u-1"), segment.person("ann.lee@example.com")) == (None, None)
    bob = segment.person("u-2")
    assert bob is not None
    assert (bob["first_name"], segment.events()) == ("Bob", [])


def test_dead_letters_of_the_person_are_gone_too(segment: SegmentWorld) -> None:
    segment.send(
        *(told("identify", user, email=f"fail+{user}@example.com") for user in ("u-1", "u-2")), connection="own"
    )
    assert segment.reasons() == {"u-1": 1, "u-2": 1}
    known(segment, external_id="u-1")
    segment.send(told("delete", "u-1"), connection="own")
    assert segment.reasons() == {"u-2": 1}


def test_a_user_id_that_happens_to_be_the_id_of_a_profile_deletes_nobody_and_is_reported(segment: SegmentWorld) -> None:
    profile_id = known(segment, email="bob@example.com", external_id="u-2")
    segment.send(told("delete", profile_id), connection="own")
    assert segment.person("bob@example.com") is not None
    assert segment.requests(DELETE) == []
    assert segment.reasons() == {"profile_unknown": 1}


def test_an_address_that_the_request_brings_along_is_enough(segment: SegmentWorld) -> None:
    known(segment, email="ann+news@example.com")
    segment.send(told("delete", "u-1", email="ann+news@example.com"), connection="own")
    assert segment.person("ann+news@example.com") is None
    assert segment.of(ERASURES).counts()["delivered"] == 1


def test_whom_klaviyo_does_not_know_by_the_address_is_erased_already(segment: SegmentWorld) -> None:
    segment.send(told("delete", "u-1", email="ann@example.com"), connection="own")
    assert segment.requests(DELETE) == []
    assert segment.of(ERASURES).counts()["delivered"] == 1
    assert not segment.letters()
