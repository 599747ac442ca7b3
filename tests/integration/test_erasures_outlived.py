"""What comes after a request for erasure is new: it is delivered after the deletion, which would take it along."""

from __future__ import annotations

import pytest

from queues import batches, holds
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from tests.integration.test_identity_erasures import delete
from tests.support.identity_messages import Posted, add, identify, segment
from tests.support.identity_world import IdentityWorld
from worker import progress
from worker.deliver import deliver

EG, ANN = "eg@example.com", "ann@example.com"
PEOPLE, ERASURES = Queue("default", "audience", "42"), Queue("default", "erasure", "erasures")


def first(who: IdentityWorld, kind: str) -> None:
    """Workers take up the batches of a kind before all others."""
    who.take()
    for batch_id in who.open(kind):
        deliver(batch_id)


def add_in_one(who: IdentityWorld) -> None:
    who.post(add(EG), delete(None, EG), add(EG, first_name="Eg"), add(ANN))


def add_afterwards(who: IdentityWorld) -> None:
    who.send(add(EG, plan="gold"))
    who.post(delete(None, EG), add(EG, first_name="Eg"), add(ANN))


@pytest.mark.parametrize("arrive", [add_in_one, add_afterwards])
def test_a_person_who_joins_again_is_on_the_list_whichever_batch_a_worker_gets_first(
    who: IdentityWorld, arrive: object
) -> None:
    assert callable(arrive)
    arrive(who)
    first(who, "audience")
    who.settle()
    assert who.members() == {EG, ANN}
    assert who.attributes(EG) == {"first_name": "Eg"}
    assert (who.counts("erasure")["delivered"], who.reasons()) == (1, {})


@pytest.mark.parametrize(
    "message",
    [
        identify("u-1", email=EG, first_name="Eg"),
        segment("track", event="Played", userId="u-1", traits={"email": EG}),
    ],
    ids=["attributes", "event"],
)
def test_so_are_attributes_and_events_there(who: IdentityWorld, message: Posted) -> None:
    who.send(identify("u-1", email=EG))
    who.post(delete("u-1", EG), message)
    first(who, "profile")
    first(who, "event")
    who.settle()
    assert not who.gone(EG)


def test_others_do_not_wait_and_neither_does_what_came_before_the_request(who: IdentityWorld) -> None:
    who.post(add(EG), delete(None, EG), add(ANN))
    first(who, "audience")
    assert who.members() == {EG, ANN}
    who.settle()
    assert (who.members(), who.gone(EG)) == ({ANN}, True)


def test_a_request_that_is_carried_out_is_not_waited_for_though_others_of_its_batch_are_not(who: IdentityWorld) -> None:
    who.klaviyo.control("jobs", {"seconds": 3_600})
    who.post(add(ANN, audience=("43", "Others")))
    first(who, "audience")
    who.post(delete(None, ANN), delete(None, EG))
    first(who, "erasure")
    assert who.counts("erasure")["open"] == 2
    who.post(add(EG))
    first(who, "audience")
    uploaded = [progress.load(batches.progress(who.redis, each)).jobs for each in who.open("audience")]
    assert [len(jobs) for jobs in uploaded] == [1, 1]
    who.klaviyo.control("jobs", {"seconds": 0})
    who.pass_at_klaviyo(3_600)
    who.settle()
    assert (who.members(), who.gone(ANN)) == ({EG}, True)


def test_while_an_operator_holds_the_erasures_what_came_after_them_waits_and_says_so(
    who: IdentityWorld, caplog: pytest.LogCaptureFixture
) -> None:
    who.post(delete(None, EG), add(EG))
    holds.place(who.redis, ERASURES, Hold("operator", now_ms()))
    with caplog.at_level("INFO"):
        first(who, "audience")
    assert "1 erasure of its people must be carried out first; the batch is taken up again in 10 s" in caplog.text
    holds.release(who.redis, ERASURES)
    who.settle()
    assert who.members() == {EG}
