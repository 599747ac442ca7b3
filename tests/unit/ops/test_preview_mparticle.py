"""What a message of mParticle that changes nobody's membership would become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from configuration.connections import Connection, Connections
from ops.preview import preview

NOW = 1_767_225_600_000
CONNECTIONS = Connections({"default": Connection("default")})


def shown(**message: Any) -> dict[str, Any]:
    return preview("mparticle", json.dumps({"account": {"account_id": 7}, **message}).encode(), CONNECTIONS, NOW)


def erasure(**identities: str) -> dict[str, Any]:
    subject = {name: {"encoding": "raw", "value": value} for name, value in identities.items()}
    told = shown(type="dsr_processing_request", subject_identities=subject)
    (queue,) = told["queues"]
    assert queue["queue"] == "mparticle-7/erasure/erasures"
    found: dict[str, Any] = queue
    return found


def test_an_erasure_is_shown_with_what_klaviyo_would_be_asked_to_delete() -> None:
    (entry,) = erasure(email="ann@example.com", mobile_number="+14155550132")["erasures"]
    profile = {"email": "ann@example.com", "phone_number": "+14155550132"}
    assert entry == {"changes": [0], "action": "erase", "profile": profile}


def test_an_erasure_that_klaviyo_cannot_be_asked_for_is_shown_with_the_reason() -> None:
    (entry,) = erasure(customer="c-1")["erasures"]
    assert (entry["action"], entry["reason"]) == ("dead_letter", "no_email")


def test_an_erasure_of_nobody_is_dead_on_arrival() -> None:
    queue = erasure()
    assert queue["erasures"] == []
    assert [letter["reason"] for letter in queue["dead_on_arrival"]] == ["no_identity"]


@pytest.mark.parametrize(
    ("mpid", "remembered"), [("42", {"agrees": True, "since": "2024-05-01T19:45:44.065Z"}), (None, None)]
)
def test_events_are_shown_with_the_consents_that_would_be_remembered(
    mpid: str | None, remembered: dict[str, Any] | None
) -> None:
    state = {"gdpr_consent_state": {"News": {"consented": True, "timestamp_unixtime_ms": 1_714_592_744_065}}}
    told = shown(type="event_processing_request", mpid=mpid, consent_state=state)
    assert told == {"queues": []} | ({"remembered": {"news": remembered}} if remembered else {})
