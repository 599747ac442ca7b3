"""What Segment's own Klaviyo destination would have caused is what Ferry causes, case by case.

`segment_cases.json` holds for each case an action as connections.toml writes it, messages (laid over `base`, the first
with the id msg-0001), and the effect at Klaviyo: people with their attributes, list memberships by the identifier that
somebody is known by, consents, events, and the reasons of what is rejected. `differs` names the row of docs/segment.md
that says why Segment's effect is another one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import orjson
import pytest

from mappings.consent import Consent, to_consent
from mappings.errors import Rejected
from mappings.event import to_event
from mappings.profile import to_profile
from mappings.rules import Rules
from mappings.segment import settings
from mappings.segment.changes import route
from mappings.segment.routed import Routed
from mappings.sources import read
from tests.support.paths import ROOT
from tests.support.segment_cases import CASES, messages

_DOCS = (ROOT / "docs" / "segment.md").read_text()


class Effect:
    """What would be at Klaviyo, in the words of segment_cases.json."""

    def __init__(self) -> None:
        self.people: list[dict[str, Any]] = []
        self.added: defaultdict[str, list[str]] = defaultdict(list)
        self.removed: defaultdict[str, list[str]] = defaultdict(list)
        self.consents: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.rejected: list[str] = []

    def carry_out(self, routed: Routed) -> None:
        if routed.reason:
            self.rejected.append(routed.reason)
            return
        try:
            self._deliver(routed, orjson.dumps(routed.fields))
        except Rejected as rejected:
            self.rejected.append(rejected.reason)

    def _deliver(self, routed: Routed, fragment: bytes) -> None:
        match routed.kind:
            case "event":
                self.events.append(_event(to_event(fragment, Rules()).row))
            case "consent":
                self.consents.append({"change": routed.change, **_consent(to_consent(fragment, Rules()))})
            case "profile" | "audience":
                self._person(routed, to_profile(read("segment", fragment), Rules()).attributes)

    def _person(self, routed: Routed, attributes: dict[str, Any]) -> None:
        known_as = next(attributes[name] for name in ("email", "phone_number", "external_id") if name in attributes)
        if routed.change == "remove":
            self.removed[routed.list_id or ""].append(known_as)
            return
        self.people.append(attributes)
        if routed.change == "add":
            self.added[routed.list_id or ""].append(known_as)

    def as_told(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value}


def _event(row: dict[str, Any]) -> dict[str, Any]:
    (event,) = row["attributes"]["events"]["data"]
    return {
        **event["attributes"],
        "metric": event["attributes"]["metric"]["data"]["attributes"]["name"],
        "profile": row["attributes"]["profile"]["data"]["attributes"],
    }


def _consent(consent: Consent) -> dict[str, Any]:
    told = {
        "email": consent.email,
        "phone_number": consent.phone,
        "list_id": consent.list_id,
        "custom_source": consent.custom_source,
        "consented_at": consent.consented_at,
    }
    return {name: value for name, value in told.items() if value is not None}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_effect_at_klaviyo_is_the_one_of_the_case(case: dict[str, Any]) -> None:
    actions = settings.read([case["action"]])
    effect = Effect()
    for message in messages(case):
        for routed in route(message, actions):
            effect.carry_out(routed)
    assert effect.as_told() == case["effect"]


def test_every_deliberate_difference_is_explained_and_none_is_explained_that_no_case_shows() -> None:
    section = _DOCS.split("## Where Ferry differs")[1].split("\n## ")[0]
    explained = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert {case["differs"] for case in CASES if "differs" in case} == explained
