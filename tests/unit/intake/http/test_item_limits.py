"""A message is limited by its items, and not by its bytes alone; what is refused is named with its place."""

from __future__ import annotations

import json
from typing import Any

import falcon
import pytest

from configuration.connections import Connection
from intake.audiences import Audiences
from intake.campaigns import messages, reading
from intake.changes import routes
from intake.changes.messages import AudienceRef
from intake.http import faults, limits
from intake.http.faults import TooMuch
from intake.incoming import Incoming
from intake.mparticle import erasure as mparticle_erasure
from intake.mparticle import routes as mparticle
from intake.mparticle.consents import read as read_consents
from intake.mparticle.membership import acceptances
from intake.mparticle.messages import Erasure, Events, MembershipMessage
from tests.support.segment import TRAITS
from tests.support.segment import message as segment
from tests.support.segment import read as read_segment

HERE = Connection("default")
ANN = {"mpid": "1", "user_identities": [{"type": "email", "value": "ann@example.com"}]}
AUDIENCE = {"audience_id": 7, "action": "add"}


def take(message: Any) -> int:
    """How many changes a message of mParticle's comes to."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    found = mparticle._read(body)
    match found:
        case MembershipMessage():
            accepted = acceptances(found, None, HERE, Audiences(), 0)
            return sum(len(each.changes) + len(each.dead) for each in accepted)
        case Erasure():
            return len(mparticle_erasure.acceptances(found, None, HERE, Audiences(), 0))
        case Events():
            return len(read_consents(found, None, HERE, 0)[0])
    raise AssertionError(found)


def membership(*profiles: Any) -> dict[str, Any]:
    return {"type": "audience_membership_change_request", "user_profiles": profiles}


def named(count: int, value: Any = 1) -> dict[str, Any]:
    return {f"n{number}": value for number in range(count)}


def identities(count: int) -> list[dict[str, str]]:
    return [{"type": "email", "encoding": "raw", "value": f"a{number}@example.com"} for number in range(count)]


@pytest.mark.parametrize("profile", [1, {}, None, [], "x"])
def test_ten_thousand_people_are_read_and_one_more_is_not(profile: Any) -> None:
    take(membership(*[profile] * limits.PROFILES))
    for more in (1, 200_000):
        with pytest.raises(TooMuch, match=r"\$\.user_profiles: \d+,\d{3} profiles; at most 10,000 are read\. Nothing"):
            take(membership(*[profile] * (limits.PROFILES + more)))


def in_audiences(first: int, count: int) -> dict[str, Any]:
    return ANN | {"audiences": [AUDIENCE | {"audience_id": first + number} for number in range(count)]}


@pytest.mark.parametrize("wrong", [{}, {"mpid": ["x"]}], ids=["sound", "unsound"])
def test_one_person_s_audiences_and_those_of_all_people_are_limited(wrong: dict[str, Any]) -> None:
    # A person who cannot be read is kept whole for each audience, so that fewer fit into a message.
    fits = 500 if wrong else 1_000
    assert take(membership(in_audiences(0, fits) | wrong)) == fits
    with pytest.raises(TooMuch, match=r"\$\.user_profiles\[1\]\.audiences: 1,001 audiences of one person; at most"):
        take(membership(ANN, in_audiences(0, 1_001) | wrong))
    with pytest.raises(TooMuch, match=r"\$\.user_profiles\[2\]\.audiences: 1,002 audiences up to here; at most 1,000"):
        take(membership(*[in_audiences(first, 501) | wrong for first in (0, 501, 1_002)]))


def test_the_memberships_of_all_people_together_are_limited() -> None:
    assert take(membership(*[in_audiences(0, 1_000)] * 50)) == limits.MEMBERSHIPS
    with pytest.raises(TooMuch, match=r"\$\.user_profiles\[50\]\.audiences: 51,000 memberships up to here; at most 50"):
        take(membership(*[in_audiences(0, 1_000)] * 51))


def test_one_person_s_identities_are_limited_on_every_way() -> None:
    of_subject = {f"t{number}": {"value": "x"} for number in range(limits.IDENTITIES)}
    for count, junk in ((0, []), (1, identities(1)), (400_000, [1] * 400_000)):
        many = identities(limits.IDENTITIES) + junk
        profile = {"user_identities": many, "audiences": [AUDIENCE]}
        events = {"type": "event_processing_request", "user_identities": many}
        erasure = {"type": "dsr_processing_request", "subject_identities": of_subject | named(min(count, 500), {})}
        if not count:
            assert take(membership(profile)) == take(events) == take(erasure) == 1
            continue
        for message, place in ((membership(profile), "user_profiles[0].user_identities"), (events, "user_identities")):
            with pytest.raises(TooMuch) as refused:
                take(message)
            assert str(refused.value).startswith(f"$.{place}: {100 + count:,} identities of one person; at most 100")
        with pytest.raises(TooMuch, match=r"\$\.subject_identities: \d+ identities of one person"):
            take(erasure)


def in_changes(change: dict[str, Any], **envelope: Any) -> Any:
    body = json.dumps({"changes": [{}, change], **envelope}).encode()
    return routes._read(body, False, AudienceRef(1), Incoming(HERE, "changes", "", 0))


def in_lines(change: dict[str, Any]) -> Any:
    body = b"{}\n" + json.dumps(change).encode()
    return routes._read(body, True, AudienceRef(1), Incoming(HERE, "changes", "", 0))


def in_campaign(**fields: Any) -> Any:
    groups = [{"name": "A", "members": fields.pop("members", [])}]
    body = json.dumps({"name": "x", "groups": groups} | fields).encode()
    return reading.read(body, lambda _name: HERE, 0)


PEOPLE = [
    (lambda many: take(membership(ANN, ANN | {"audiences": [AUDIENCE | {"user_attributes": many}]})),
     "$.user_profiles[1].audiences[0].user_attributes"),
    (lambda many: take(membership(ANN | many)), "$.user_profiles[0]"),
    (lambda many: take({"type": "event_processing_request", "consent_state": {"gdpr": many}}), "$.consent_state.gdpr"),
    (lambda many: take({"type": "event_processing_request"} | many), "$"),
    (lambda many: take(membership() | many), "$"),
    (lambda many: in_changes({"action": "add", "attributes": many}), "$.changes[1].attributes"),
    (lambda many: in_changes({"action": "add", "attributes": {"x": [many]}}), "$.changes[1].attributes.x[0]"),
    (lambda many: in_changes({}, **many), "$"),
    (lambda many: in_lines({"attributes": many}), "line 2.attributes"),
    (lambda many: read_segment({"batch": [segment(), segment(traits=TRAITS | many)]}), "$.batch[1].traits"),
    (lambda many: read_segment(segment(context={"traits": many})), "$.context.traits"),
    (lambda many: in_campaign(members=[{"email": "a@example.com"} | many]), "$.groups[0].members[0]"),
    (lambda many: in_campaign(exclusions=[{"email": "a@example.com", "x": many}]), "$.exclusions[0].x"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "place"), PEOPLE, ids=[place for _, place in PEOPLE])
def test_an_object_has_a_thousand_names_at_most_wherever_it_stands(read: Any, place: str) -> None:
    read(named(900))
    for count in (1_001, 40_000):
        with pytest.raises(TooMuch) as refused:
            read(named(count))
        assert str(refused.value).startswith(f"{place}: ")
        assert "1,000" in str(refused.value)


def test_seven_hundred_thousand_names_or_three_million_profiles_are_too_many_values() -> None:
    names = b'{"type":"audience_membership_change_request",%s}' % b",".join(b'"%d":1' % at for at in range(700_000))
    profiles = b'{"type":"audience_membership_change_request","user_profiles":[%s]}' % b",".join([b"{}"] * 3_400_000)
    for body in (names, profiles):
        with pytest.raises(TooMuch, match=r"^\$: over 500,000 values\. Nothing was accepted"):
            take(body)


@pytest.mark.parametrize("number", ["1e999", "-1E400", "9" * 5_000])
def test_a_number_beyond_the_limits_is_refused_with_its_place_on_every_way(number: str) -> None:
    person = f'{{"attributes":{{"ltv":{number}}}}}'
    ways: list[tuple[Any, str, str]] = [
        (mparticle._read, f'{{"type":"event_processing_request","x":[{person}]}}', "$.x[0]"),
        (lambda body: routes._document(body, None), f'{{"changes":[{person}]}}', "$.changes[0]"),
        (routes._lines, "{}\n" + person, "line 2: $"),
        (read_segment, f'{{"batch":[{person}]}}', "$.batch[0]"),
        (messages.read, f'{{"groups":[{{"members":[{person}]}}]}}', "$.groups[0].members[0]"),
    ]
    for read, body, place in ways:
        with pytest.raises(falcon.HTTPBadRequest) as refused:
            read(body.encode())
        assert str(refused.value.description).startswith(
            f"{place}.attributes.ltv: a number of over 100 digits, or beyond 1.8e308"
        )


def test_a_count_says_what_it_counts() -> None:
    with pytest.raises(
        TooMuch, match=r"^\$\.x: 1,001 things; at most 1,000 are read\. Nothing was accepted; send it in"
    ):
        faults.check_count(1_001, 1_000, "things", "$.x")
