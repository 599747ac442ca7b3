"""Changes posted in Ferry's own form become changes of the audiences' queues."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from configuration.connections import Connection
from intake.audiences import Audiences
from intake.changes import reading
from intake.changes.messages import AudienceRef, planned
from intake.changes.reading import RejectedChange
from intake.incoming import Incoming
from queues.acceptance import Acceptance
from queues.change import Change, decode, person_key

NOW = 1_800_000_000_000
VIPS = AudienceRef(42, "VIPs")


def read(*changes: Any, default: AudienceRef | None = VIPS) -> tuple[list[Acceptance], list[RejectedChange]]:
    incoming = Incoming(Connection("default"), reading.SOURCE, "k-1", NOW)
    raws = [change if isinstance(change, bytes) else json.dumps(change).encode() for change in changes]
    placed = [(f"$.changes[{index}]", raw) for index, raw in enumerate(raws)]
    rejected = reading.read(placed, default, incoming, NOW)
    return incoming.acceptances("changes:k-1", Audiences()), rejected


def only_change(posted: Any) -> Change:
    (acceptance,), rejected = read(posted)
    (stored,) = acceptance.changes
    assert rejected == []
    assert acceptance.dead == []
    return decode(stored)


def only_rejected(posted: Any, default: AudienceRef | None = VIPS) -> tuple[Acceptance, RejectedChange]:
    (acceptance,), (rejected,) = read(posted, default=default)
    (letter,) = acceptance.dead
    assert acceptance.changes == []
    assert (letter.reason, letter.detail) == (rejected.reason, rejected.where)
    return acceptance, rejected


@pytest.mark.parametrize("action", ["add", "remove", "update"])
def test_a_change_is_stored_as_posted(action: str) -> None:
    posted = {
        "action": action,
        "email": "ann@example.com",
        "phone": "+1 (415) 555-2671",
        "external_id": 17,
        "attributes": {"plan": "gold", "city": None, "n": 1.5},
        "consent_state": {"gdpr": {}},
        "unknown": 1,
    }
    change = only_change(posted)
    kept = ("email", "phone", "external_id", "attributes", "consent_state")
    assert msgspec.json.decode(change.body.person) == {name: posted[name] for name in kept}
    assert (change.body.action, change.body.source, change.body.message) == (action, "changes", "k-1")
    assert (change.body.at, change.accepted_at) == (NOW, NOW)


def test_null_is_as_good_as_missing() -> None:
    nothing = dict.fromkeys(["phone", "external_id", "attributes", "consent_state", "timestamp", "audience"])
    change = only_change({"action": "add", "email": "a@example.com", **nothing})
    assert bytes(change.body.person) == b'{"email":"a@example.com"}'


@pytest.mark.parametrize(
    ("identities", "keys"),
    [
        ({"email": " Ann@Example.com "}, [("email", "ann@example.com")]),
        ({"phone": "+1 (415) 555-2671"}, [("phone", "14155552671")]),
        ({"phone": 14155552671, "attributes": {"country": "US"}}, [("phone", "14155552671")]),
        ({"external_id": 17}, [("external_id", "17")]),
        ({"email": "a@b.c", "external_id": "17"}, [("email", "a@b.c"), ("external_id", "17")]),
        ({"phone": "+4915112345678", "external_id": "17"}, [("external_id", "17"), ("phone", "4915112345678")]),
        ({"email": "", "phone": "n/a", "external_id": "x"}, [("external_id", "x")]),
        ({"phone": "(415) 555-2671", "attributes": {"country": "US"}}, [("phone", "14155552671")]),
        # Nothing tells its country: it is kept in order, and compares with nobody.
        ({"phone": "(415) 555-2671"}, [("phone/typed", "4155552671")]),
        ({"email": "wrong", "external_id": "Ab"}, [("email", "wrong"), ("external_id", "Ab")]),
        ({"email": "a@b.co", "external_id": " N/A ", "phone": "+10000000000"}, [("email", "a@b.co")]),
    ],
)
def test_identities_become_person_keys(identities: dict[str, Any], keys: list[tuple[str, str]]) -> None:
    assert only_change({"action": "add", **identities}).keys == tuple(person_key(*key) for key in keys)


def test_two_people_of_one_phone_keep_their_order_and_have_names_of_their_own() -> None:
    ann, bob = ({"action": "add", "email": f"{name}@example.com", "phone": "+14155552671"} for name in ("ann", "bob"))
    assert only_change(ann).keys[0] != only_change(bob).keys[0]
    assert only_change(ann).keys[1:] == only_change(bob).keys[1:] == (person_key("phone", "14155552671"),)


@pytest.mark.parametrize("placeholder", ["null", "0", "N/A", "guest", "-", "00000000-0000-0000-0000-000000000000"])
def test_a_change_of_a_placeholder_alone_is_rejected_and_says_so(placeholder: str) -> None:
    _, rejected = only_rejected({"action": "add", "external_id": placeholder})
    assert (rejected.reason, rejected.where) == (
        "identifier_blocked",
        (
            "$.changes[0]: the identifiers are placeholders such as null, 0 or n/a, and identify nobody; "
            "send an e-mail address"
        ),
    )


@pytest.mark.parametrize("nobody", [{}, {"email": " "}, {"phone": "n/a"}, {"external_id": ""}, {"attributes": {}}])
def test_a_change_of_nobody_is_rejected_with_no_identity(nobody: dict[str, Any]) -> None:
    acceptance, rejected = only_rejected({"action": "add", **nobody})
    assert acceptance.queue.target == "42"
    assert rejected == RejectedChange(
        0, "no_identity", "$.changes[0]: give at least one of email, phone and external_id"
    )


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (
            {"action": "ann@example.com"},
            "$.changes[0].action: Invalid enum value; it must be one of add, remove, update",
        ),
        ({"action": "unsubscribe"}, "$.changes[0].action: Invalid enum value; it must be one of add, remove, update"),
        ({"action": None}, "$.changes[0].action: Expected `str`, got `null`; it must be one of add, remove, update"),
        ({"email": 5}, "$.changes[0].email: Expected `str | null`, got `int`"),
        ({"external_id": 1.5}, "$.changes[0].external_id: Expected `int | str | null`, got `float`"),
        ({"attributes": ["plan"]}, "$.changes[0].attributes: Expected `object`"),
        ({"consent_state": "yes"}, "$.changes[0].consent_state: Expected `object`"),
        ({"timestamp": "yesterday"}, "$.changes[0].timestamp: neither ISO 8601 nor ms since 1970"),
        ({"timestamp": [1]}, "$.changes[0].timestamp: Expected `int | float | str | null`, got `array`"),
        ({"audience": {"name": "x"}}, "$.changes[0].audience: Object missing required field `id`"),
    ],
)
def test_a_wrong_change_is_rejected_as_malformed_naming_the_place(wrong: dict[str, Any], where: str) -> None:
    posted = {"action": "add", "email": "ann@example.com", **wrong}
    acceptance, rejected = only_rejected(posted)
    assert rejected == RejectedChange(0, "malformed", where)
    assert acceptance.queue.target == "42"
    assert msgspec.json.decode(decode(acceptance.dead[0].change).body.person) == posted


@pytest.mark.parametrize("wrong", [5, "x", [], None, True])
def test_what_is_no_change_is_rejected_as_malformed(wrong: Any) -> None:
    assert only_rejected(wrong)[1].reason == "malformed"


def test_a_wrong_change_does_not_keep_the_others_back() -> None:
    good = {"action": "add", "email": "ann@example.com"}
    (acceptance,), rejected = read(good, {"action": "x"}, good)
    assert (len(acceptance.changes), len(acceptance.dead)) == (2, 1)
    assert [each.index for each in rejected] == [1]


def test_a_change_may_name_an_audience_of_its_own() -> None:
    own = {"action": "add", "email": "ann@example.com", "audience": {"id": "7", "name": "Seven"}}
    found, _ = read(own, {"action": "add", "email": "bob@example.com"})
    assert {each.queue.target: msgspec.json.decode(each.audience)["name"] for each in found} == {
        "7": "Seven",
        "42": "VIPs",
    }
    assert {each.message for each in found} == {"changes:k-1"}


def test_a_change_for_no_audience_is_rejected_into_the_unreadable_queue() -> None:
    acceptance, rejected = only_rejected({"action": "add", "email": "ann@example.com"}, default=None)
    assert acceptance.queue.target == "unreadable"
    assert rejected.where == "$.changes[0].audience: missing, and the request has no audience for all changes"


def test_a_wrong_change_stays_with_the_audience_it_names() -> None:
    acceptance, _ = only_rejected({"action": "x", "audience": {"id": "7"}})
    assert acceptance.queue.target == "7"


@pytest.mark.parametrize("broken", [b'{"action":"add"', b"nonsense", b'{"action":"add"} {}', b"[" * 5000])
def test_what_is_no_json_is_kept_as_text(broken: bytes) -> None:
    acceptance, rejected = only_rejected(broken)
    assert rejected.reason == "malformed"
    kept = msgspec.json.decode(decode(acceptance.dead[0].change).body.person)
    assert kept == {"unreadable": broken.decode()}


@pytest.mark.parametrize(
    ("timestamp", "ms"),
    [
        (None, NOW),
        (1_714_592_744_065, 1_714_592_744_065),
        ("2026-11-21T12:00:00Z", 1_795_262_400_000),
        ("2026-11-21T13:00:00.250+01:00", 1_795_262_400_250),
        ("2026-11-21T12:00:00", 1_795_262_400_000),
        ("2026-11-21 12:00", 1_795_262_400_000),
        ("2026-11-21", 1_795_219_200_000),
        ("20261121T120000Z", 1_795_262_400_000),
        ("20261121", 1_795_219_200_000),
        ("1714592744065", 1_714_592_744_065),
        (" 1612030400000 ", 1_612_030_400_000),
        ("1714592744065.9", 1_714_592_744_065),
    ],
)
def test_a_time_is_iso_8601_or_ms_and_now_when_left_out(timestamp: str | int | None, ms: int) -> None:
    change = only_change({"action": "add", "email": "ann@example.com", "timestamp": timestamp})
    assert change.body.at == ms


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e12", "20261399", "2026-13-01", "2026-11-21T12:00:00+25:00"])
def test_text_that_is_no_time_is_refused(timestamp: str) -> None:
    _, rejected = only_rejected({"action": "add", "email": "ann@example.com", "timestamp": timestamp})
    assert rejected.where == "$.changes[0].timestamp: neither ISO 8601 nor ms since 1970"


@pytest.mark.parametrize(
    "timestamp",
    [
        *("0001-01-01", "9999-12-31T23:59:59-14:00", "2014-12-31T23:59:59.999Z", "0", "1714592744", "9999999999999"),
        *(0, -1, 1_714_592_744, 10**13, 1e300),
    ],
)
def test_a_time_that_cannot_be_is_that_of_the_arrival_and_counted(timestamp: str | float) -> None:
    posted = {"action": "add", "email": "ann@example.com", "timestamp": timestamp}
    other = {"action": "add", "email": "b@example.com"}
    (acceptance,), rejected = read(posted, {**posted, "timestamp": NOW - 1}, other)
    assert [decode(stored).body.at for stored in acceptance.changes] == [NOW, NOW - 1, NOW]
    assert (rejected, acceptance.source, acceptance.clamped) == ([], "changes", 1)


@pytest.mark.parametrize("timestamp", ["", "0001-01-01", "9999-12-31T23:59:59-14:00", 0, -1, 1_714_592_744, 10**13])
def test_a_time_that_somebody_plans_is_refused_when_it_cannot_be(timestamp: str | int) -> None:
    with pytest.raises(ValueError, match="ms since 1970"):
        planned(timestamp)
