"""What Ferry tells mParticle it is."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest

from intake.mparticle.registration import registration

#: Fields of a setting, of a text setting besides, and where there are any (mParticle: Firehose, setting types).
SETTING = {"type", "id", "name", "description", "visible", "required", "confidential", "default_value"}
ROOMS = ("event_processing_registration", "audience_processing_registration", "dsr_processing_registration")


def settings_of(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [*part["account_settings"], *part.get("audience_subscription_settings", [])]


def test_the_whole_answer_is_a_registration_response() -> None:
    posted = json.loads(msgspec.json.encode(registration()))
    assert uuid.UUID(posted["id"]).version == 4
    assert isinstance(posted["timestamp_ms"], int)
    assert (posted["type"], posted["firehose_version"]) == ("module_registration_response", "3.2.0")
    assert set(posted) == {
        *("type", "id", "timestamp_ms", "firehose_version", "sdk_version", "name", "description", "version"),
        *("permissions", *ROOMS),
    }


def test_mparticle_allows_fewer_than_230_characters_of_description() -> None:
    assert 50 < len(registration().description) < 230


@pytest.mark.parametrize("room", ROOMS)
def test_every_setting_is_one_that_firehose_knows(room: str) -> None:
    for setting in settings_of(getattr(registration(), room)):
        assert set(setting) <= SETTING
        assert {"type", "id", "name", "description", "visible", "required", "confidential"} <= set(setting)
        assert setting["type"] == "text"
        assert setting["required"] is False


def test_only_the_api_key_is_masked_and_only_the_list_that_ferry_writes_is_hidden() -> None:
    part = registration().audience_processing_registration
    found = settings_of(part)
    assert [s["id"] for s in found if s["confidential"]] == ["apiKey"]
    assert [s["id"] for s in found if not s["visible"]] == ["klaviyoListId"]
    ids = [s["id"] for s in part["account_settings"]]
    assert ids == ["apiKey", "alternateIdentifier", "phoneIdentifier", "defaultCountry"]
    ids = [s["id"] for s in part["audience_subscription_settings"]]
    assert ids == ["listId", "listName", "propertyMapping", "consentMapping", "klaviyoListId"]


def test_the_choices_of_a_setting_stand_in_its_description() -> None:
    found = {s["id"]: s for s in registration().audience_processing_registration["account_settings"]}
    assert found["alternateIdentifier"]["default_value"] == "None"
    for value in ("None", "Customer Id", "Other,", *(f"Other{n}" for n in range(2, 11))):
        assert value in found["alternateIdentifier"]["description"]
    assert found["phoneIdentifier"]["default_value"] == "Mobile Number"
    for value in ("Mobile Number", "Phone Number 2", "Phone Number 3"):
        assert value in found["phoneIdentifier"]["description"]


def test_only_the_email_is_required_and_all_identities_come_raw() -> None:
    permissions = registration().permissions
    identities = permissions["user_identities"]
    assert [each["type"] for each in identities if each["required"]] == ["email"]
    assert {each["encoding"] for each in identities} == {"raw"}
    assert len({each["type"] for each in identities}) == len(identities) == 15
    allowed = {key: value for key, value in permissions.items() if key != "user_identities"}
    assert allowed == {
        "allow_audience_user_attributes": True,
        "allow_access_mpid": True,
        "allow_consent_state": True,
    }


def test_mparticle_hardly_waits_because_ferry_waits() -> None:
    bulk = registration().audience_processing_registration["bulk_configuration"]
    assert set(bulk) == {"bulk_forward_wait_for_messages", "bulk_forward_wait_in_minutes"}
    assert bulk["bulk_forward_wait_in_minutes"] == 1


def test_consent_and_erasure_are_asked_for() -> None:
    events = registration().event_processing_registration
    assert events["supported_system_notification_types"] == ["gdpr_consent_state", "ccpa_consent_state"]
    assert registration().dsr_processing_registration["supported_dsr_types"] == ["erasure"]
