"""Whoever is on a list and by whichever address they leave it: nobody else is sent, and nobody in two rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
import orjson
from hypothesis import given
from hypothesis import strategies as st

from klaviyo.errors import NotAccepted
from klaviyo.lookups import FoundProfile
from klaviyo.outcomes import Bisect
from mappings.consent import Consent
from mappings.rules import Rules
from queues.batches import Batch
from queues.change import Body, Change, person_key
from queues.names import Queue
from tests.support.without_ledger import WithoutLedger
from worker.connection import Destination
from worker.consents.kind import intents
from worker.consents.supersede import remaining
from worker.consents.unsubscribe import unsubscribe

LIST = "LIST01"
#: Profile ids of the members, by address.
Members = dict[str, str]
#: An address that Klaviyo's look-up refuses without naming it.
REFUSED = "+14155550199"


class Scripted:
    """Klaviyo, whose list has these members. `rows`: what it was asked to unsubscribe, request by request."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self.rows: list[list[dict[str, Any]]] = []

    def find_members(self, list_id: str, field: str, values: Sequence[str]) -> list[FoundProfile]:
        """As `Klaviyo.find_members`."""
        assert list_id == LIST
        if REFUSED in values:
            raise NotAccepted("get_profiles_for_list", Bisect("invalid", "", "", "e-1"))
        return [self._shown(field, value) for value in values if value in self._members]

    def _shown(self, field: str, value: str) -> FoundProfile:
        shown = {"email": None, "phone_number": None, field: value}
        return FoundProfile(self._members[value], shown["email"], shown["phone_number"], None)

    def get_list(self, list_id: str) -> str:
        """The list is there."""
        return f"List {list_id}"

    def unsubscribe(self, rows: Sequence[bytes], list_id: str | None) -> None:
        """As `Klaviyo.unsubscribe`."""
        assert list_id == LIST
        self.rows.append([orjson.loads(row)["attributes"] for row in rows])


def change(person: int) -> Change:
    body = Body("unsubscribe", 0, "segment", "m", msgspec.Raw(b"{}"))
    return Change((person_key("n", str(person)),), 0, body)


def addresses_of(row: dict[str, Any]) -> list[str]:
    return [row[name] for name in ("email", "phone_number") if name in row]


EMAILS = [f"{name}@example.com" for name in "abc"]
PHONES = ["+14155550101", "+14155550102", REFUSED]
MEMBERS = st.dictionaries(st.sampled_from(EMAILS + PHONES[:2]), st.sampled_from(["P1", "P2", "P3"])).filter(
    # A profile has one address of each kind at most.
    lambda members: len({(profile, "@" in address) for address, profile in members.items()}) == len(members)
)
CONSENTS = st.builds(
    lambda email, phone: Consent(email, phone, LIST, None, None),
    st.sampled_from([None, *EMAILS]),
    st.sampled_from([None, *PHONES]),
)


@given(MEMBERS, st.lists(CONSENTS, max_size=12))
def test_members_are_sent_once_and_nobody_else(members: Members, told: list[Consent]) -> None:
    changes = [change(number) for number in range(len(told))]
    consents = dict(enumerate(told))
    klaviyo = Scripted(members)
    batch = Batch("00-x", Queue("default", "consent", "consents"), 1, "size", 0, 0, 0, b"", lambda: changes)
    to = Destination("pk_test", Rules(), None, None, "", None)
    delivery = WithoutLedger(cast(Any, None), batch, to, cast(Any, klaviyo), read=intents)
    left = remaining(changes, consents)
    # The worker takes a phone out of what it is given when Klaviyo refuses it.
    unsubscribe(delivery, consents, {index: dict(each) for index, each in left.items()})

    rows = [row for request in klaviyo.rows for row in request]
    sent = [address for row in rows for address in addresses_of(row)]
    assert set(sent) <= members.keys(), "who is not on the list would be unsubscribed from everything"
    profiles = [{members[address] for address in addresses_of(row)} for row in rows]
    assert all(len(each) == 1 for each in profiles)
    assert len({next(iter(each)) for each in profiles}) == len(rows), "the second row would find a member no more"

    progress = delivery.progress
    for index, addresses in left.items():
        asked = set(addresses.values())
        if REFUSED in asked:
            assert index in progress.rejected
        elif asked & members.keys():
            assert asked & members.keys() <= set(sent)
            assert index in progress.sent
        else:
            assert progress.warnings[index] == ("not_a_member",)
