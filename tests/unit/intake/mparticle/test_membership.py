"""mParticle's membership changes become changes of the audiences' queues."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from intake.audiences import Audiences, written
from intake.http.faults import TooMuch
from queues.acceptance import AcceptResult
from queues.change import decode
from tests.support.firehose import (
    AT,
    EMAIL,
    NOW,
    audience,
    message,
    only_change,
    person,
    profile,
    read,
)


@pytest.mark.parametrize(("theirs", "ours"), [("add", "add"), ("delete", "remove"), ("attribute_update", "update")])
def test_each_action_has_its_counterpart(theirs: str, ours: str) -> None:
    assert only_change(message(profile(audience(action=theirs)))).body.action == ours


def test_a_profile_in_several_audiences_is_one_change_in_each_queue() -> None:
    posted = message(profile(audience(456), audience(789, "attribute_update"), audience(654, "delete")))
    found = {str(each.queue): [decode(c).body.action for c in each.changes] for each in read(posted)}
    assert found == {
        "mparticle-123456/audience/456": ["add"],
        "mparticle-123456/audience/789": ["update"],
        "mparticle-123456/audience/654": ["remove"],
    }


def test_the_changes_of_one_audience_keep_the_order_of_the_message() -> None:
    (acceptance,) = read(message(*(profile(audience(), mpid=str(n)) for n in range(1, 50))))
    assert [person(decode(c))["mpid"] for c in acceptance.changes] == [str(n) for n in range(1, 50)]


def test_the_change_carries_the_time_and_id_of_the_message() -> None:
    change = only_change(message(profile(audience())))
    assert (change.body.at, change.accepted_at, change.body.message) == (AT, NOW, "m-1")
    assert change.body.source == "mparticle"


def test_a_message_without_a_time_happened_now() -> None:
    assert only_change(message(profile(audience()), timestamp_ms=None)).body.at == NOW


@pytest.mark.parametrize("time", [NOW + 1, 0, -1, AT // 1000, 1_420_070_399_999, 10**13, 10**30, 1e300])
def test_a_time_that_cannot_be_is_that_of_the_arrival_and_counted(time: float) -> None:
    (acceptance,) = read(message(profile(audience()), profile({"audience_id": 456}), timestamp_ms=time))
    stored = [*acceptance.changes, *(letter.change for letter in acceptance.dead)]
    assert [decode(each).body.at for each in stored] == [NOW, NOW]
    assert (acceptance.source, acceptance.clamped) == ("mparticle", 2)


@pytest.mark.parametrize("missing", ["id", "user_profiles"])
def test_a_message_without_an_id_is_never_taken_for_a_repetition(missing: str) -> None:
    posted = message(profile(audience()))
    (acceptance,) = read(posted)
    assert acceptance.message == "audience_membership_change_request:m-1"
    del posted[missing]
    assert all(each.message == "" for each in read(posted))


@pytest.mark.parametrize("nothing", [{}, None])
def test_empty_profiles_and_audiences_are_skipped(nothing: Any) -> None:
    assert read(message(nothing, profile(), profile(nothing), {"audiences": None})) == []


def test_a_keep_alive_changes_nothing() -> None:
    assert read('{"type":"audience_membership_change_request"}') == []
    assert read(message()) == []


def test_the_name_and_settings_of_an_audience_are_told_once() -> None:
    audiences = Audiences()
    posted = message(profile(audience(audience_subscription_settings={"listId": "L1", "odd": 1, "none": None})))
    first = read(posted, audiences)
    assert msgspec.json.decode(first[0].audience) == {"name": "Audience 456", "settings": {"listId": "L1", "odd": "1"}}
    assert read(posted, audiences)[0].audience == first[0].audience, "not accepted yet"
    audiences.remember(written(first, [AcceptResult(fresh=False, became_due=False)]))
    assert read(posted, audiences)[0].audience == first[0].audience, "a repetition, of which nothing was written"
    audiences.remember(written(first, [AcceptResult(fresh=True, became_due=False)]))
    assert read(posted, audiences)[0].audience == b""
    renamed = read(message(profile(audience(audience_name="New name"))), audiences)
    assert msgspec.json.decode(renamed[0].audience) == {"name": "New name", "settings": {}}


def test_a_ledger_that_forgot_an_audience_is_told_again_after_some_seconds() -> None:
    now = 1_000.0
    audiences = Audiences(clock=lambda: now)
    first = read(message(profile(audience())), audiences)
    audiences.remember(written(first, [AcceptResult(fresh=True, became_due=False)]))
    now += 10.0
    assert read(message(profile(audience())), audiences)[0].audience == b""
    now += 0.1
    assert read(message(profile(audience())), audiences)[0].audience == first[0].audience


def test_an_audience_without_a_name_is_left_as_it_was() -> None:
    assert read(message(profile({"audience_id": 1, "action": "add"})))[0].audience == b""


def test_a_small_message_cannot_ask_for_endless_storage() -> None:
    many = [{"audience_id": 1, "action": "add"}] * 50_000
    with pytest.raises(TooMuch):
        read(message(profile(*many, identities=[EMAIL | {"value": "a" * 2_000}])))


def test_an_entry_without_a_name_does_not_make_the_others_forget_it() -> None:
    nameless = {"audience_id": 456, "action": "delete"}
    (acceptance,) = read(message(profile(audience()), profile(nameless)))
    assert msgspec.json.decode(acceptance.audience)["name"] == "Audience 456"
