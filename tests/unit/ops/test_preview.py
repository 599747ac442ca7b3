from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import falcon
import pytest

from configuration.connections import AudienceSettings, Connection, Connections
from ops.errors import Failed
from ops.preview import preview

NOW = 1_767_225_600_000
DEFAULT = Connection("default")
CONNECTIONS = Connections({"default": DEFAULT})


def shown(source: str, message: object, connections: Connections = CONNECTIONS) -> list[dict[str, Any]]:
    queues: list[dict[str, Any]] = preview(source, json.dumps(message).encode(), connections, NOW)["queues"]
    return queues


def mparticle(*audiences: dict[str, Any], email: str = "ann@example.com", **account: Any) -> dict[str, Any]:
    identities = [{"type": "email", "encoding": "raw", "value": email}]
    profile = {"mpid": "1", "user_identities": identities, "audiences": list(audiences)}
    return {"type": "audience_membership_change_request", "account": account, "user_profiles": [profile]}


def posted(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"audience": {"id": 42, "name": "VIPs"}, "changes": list(changes)}


def test_a_person_who_joins_is_shown_as_klaviyo_would_get_them() -> None:
    attributes = [{"key": "$firstname", "value": "Ann", "action": "upsert"}, {"key": "old", "action": "delete"}]
    audience = {"audience_id": 42, "audience_name": "VIPs", "action": "add", "user_attributes": attributes}
    (queue,) = shown("mparticle", mparticle(audience, account_id=7))
    assert (queue["queue"], queue["list"]) == ("mparticle-7/audience/42", {"name": "VIPs"})
    (person,) = queue["people"]
    assert person["action"] == "add"
    assert person["profile"] == {"email": "ann@example.com", "first_name": "Ann"}
    assert person["unset"] == ["old"]


def test_changes_of_one_person_come_to_one_action() -> None:
    joined = {"action": "add", "email": "ann@example.com", "attributes": {"plan": "gold"}}
    (queue,) = shown("changes", posted(joined, {"action": "remove", "email": "ANN@example.com"}))
    (person,) = queue["people"]
    assert (person["action"], person["changes"]) == ("remove", [0, 1])
    assert person["profile"] == {"email": "ann@example.com"}, "nothing but who it is goes with a removal"


def test_whom_klaviyo_cannot_know_is_shown_with_the_reason() -> None:
    (queue,) = shown("changes", posted({"action": "add", "email": "nonsense"}, {"action": "add"}))
    assert [(person["action"], person["reason"]) for person in queue["people"]] == [("dead_letter", "email_invalid")]
    assert [letter["reason"] for letter in queue["dead_on_arrival"]] == ["no_identity"]


def test_the_list_is_the_one_that_the_settings_name() -> None:
    given = replace(DEFAULT, audiences={"42": AudienceSettings(list_name="Gold")})
    add = {"action": "add", "email": "ann@example.com"}
    assert shown("changes", posted(add), Connections({"default": given}))[0]["list"] == {"name": "Gold"}
    audience = {"audience_id": 42, "audience_name": "VIPs", "action": "add"}
    by_id = {**audience, "audience_subscription_settings": {"listId": "AbCdEf"}}
    assert shown("mparticle", mparticle(by_id))[0]["list"] == {"id": "AbCdEf"}


def test_account_settings_of_the_message_are_obeyed() -> None:
    audience = {"audience_id": 42, "audience_name": "VIPs", "action": "add"}
    message = mparticle(audience, account_id=7, account_settings={"alternateIdentifier": "Customer Id"})
    message["user_profiles"][0]["user_identities"].append({"type": "customer", "encoding": "raw", "value": "c-1"})
    assert shown("mparticle", message)[0]["people"][0]["profile"]["external_id"] == "c-1"
    wrong = mparticle(audience, account_settings={"alternateIdentifier": "Shoe size"})
    assert shown("mparticle", wrong)[0]["held"]["reason"] == "setting_wrong"


def test_a_message_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(Failed, match="module_registration_request concerns no person"):
        shown("mparticle", {"type": "module_registration_request"})


def test_a_message_that_intake_would_refuse_is_refused_with_the_place() -> None:
    with pytest.raises(falcon.HTTPBadRequest) as fault:
        shown("changes", {"changes": "all"})
    assert str(fault.value.description).startswith("$.changes: Expected `array`")
