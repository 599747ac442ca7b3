"""Klaviyo's own clients, for Python and for Node, make every call that the emulator answers, and read the answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from emulator.contract import REVISED, contract
from tests.support.emulator_api import (
    SUBSCRIBE,
    SUPPRESS,
    UNSUBSCRIBE,
    UNSUPPRESS,
    Api,
    bulk_body,
    deletion_body,
    entry,
    event,
    events_body,
    import_body,
    references,
    row,
    subscribed,
    unsubscribed,
)
from tests.support.klaviyo_clients import CLIENTS, Client, Refused

ADA, BOB = "ada+x@example.com", "bob@example.com"
BY_ADA = {"filter": f'equals(email,"{ADA}")'}


@pytest.fixture(scope="module", params=CLIENTS)
def connected(request: pytest.FixtureRequest, url: str) -> Iterator[Client]:
    with CLIENTS[request.param](url) as client:
        yield client


@pytest.fixture
def client(connected: Client, api: Api) -> Client:
    """It, on an emulator that has forgotten everything."""
    assert api.events() == []
    return connected


def ids(answer: Any) -> list[str]:
    return [each["id"] for each in answer["data"]]


def cursor_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["page[cursor]"][0]


def made(answer: Any) -> str:
    return str(answer["data"]["id"])


def new_list(client: Client, name: str = "VIP list") -> str:
    return made(client("create_list", {"data": {"type": "list", "attributes": {"name": name}}}))


def test_every_call_of_the_emulator_is_made_here() -> None:
    calls = set(re.findall(r'client\(\s*"(\w+)"', Path(__file__).read_text()))
    assert calls == {operation.name for operation in contract(REVISED).operations.values()}


def test_the_account_is_read(client: Client) -> None:
    (account,) = ids(client("get_accounts"))
    assert client("get_account", account)["data"]["attributes"]["test_account"] is True


def test_lists_are_made_read_renamed_and_deleted(client: Client) -> None:
    list_id = new_list(client)
    ada = made(client("create_profile", {"data": row(email=ADA)}))
    client("add_profiles_to_list", list_id, references(ada))
    read = client("get_list", list_id, additional_fields_list=["profile_count"])["data"]["attributes"]
    assert (read["name"], read["profile_count"]) == ("VIP list", 1)
    renamed = {"data": {"type": "list", "id": list_id, "attributes": {"name": "Gäste"}}}
    assert client("update_list", list_id, renamed)["data"]["attributes"]["name"] == "Gäste"
    assert ids(client("get_lists", filter='equals(name,"Gäste")')) == [list_id]
    assert ids(client("get_profiles_for_list", list_id, **BY_ADA)) == [ada]
    with pytest.raises(Refused, match="400"):
        client("add_profiles_to_list", list_id, references("nobody"))
    client("remove_profiles_from_list", list_id, references(ada))
    assert ids(client("get_profile_ids_for_list", list_id, page_size=100)) == []
    client("delete_list", list_id)
    with pytest.raises(Refused, match="404"):
        client("get_list", list_id)


def test_lists_and_people_are_paged_by_the_cursor_of_the_next_link(client: Client) -> None:
    lists = {new_list(client, f"L{n}") for n in range(12)}
    job = made(client("bulk_import_profiles", import_body([row(email=f"p{n}@example.com") for n in range(25)])))
    for call, arguments, size, expected in (
        ("get_lists", (), 10, len(lists)),
        ("get_profiles_for_bulk_import_profiles_job", (job,), 20, 25),
    ):
        first = client(call, *arguments, page_size=size)
        second = client(call, *arguments, page_size=size, page_cursor=cursor_of(first["links"]["next"]))
        assert len({*ids(first), *ids(second)}) == expected
        assert second["links"].get("next") is None


def test_people_and_members_are_looked_up_by_any_identifier(client: Client) -> None:
    list_id = new_list(client)
    who = {"email": ADA, "phone_number": "+12025550123", "external_id": "c-7"}
    client("bulk_import_profiles", import_body([row(**who), row(email=BOB)], list_id))
    (ada,) = ids(client("get_profiles", **BY_ADA))
    for field, value in {**who, "id": ada}.items():
        assert ids(client("get_profiles", filter=f'any({field},["{value}","nobody"])')) == [ada]
    for field in ("email", "phone_number"):
        assert ids(client("get_profile_ids_for_list", list_id, filter=f'any({field},["{who[field]}"])')) == [ada]


def test_people_are_made_changed_and_found_with_their_lists_and_segments(client: Client) -> None:
    location = {"address1": "Karl Johans gate 1", "city": "Oslo", "zip": "0154"}
    ada = made(client("create_profile", {"data": row(email=ADA, phone_number="+12025550123", location=location)}))
    with pytest.raises(Refused, match="409") as refused:
        client("create_profile", {"data": row(email=ADA)})
    assert ada in refused.value.errors
    changes = {"data": {"type": "profile", "id": ada, "attributes": {"first_name": "Ada", "properties": {"a_B": 1}}}}
    assert client("update_profile", ada, changes)["data"]["attributes"]["first_name"] == "Ada"
    assert made(client("create_or_update_profile", {"data": row(email=ADA.upper(), last_name="L")})) == ada
    read = client("get_profile", ada)["data"]["attributes"]
    assert (read["first_name"], read["last_name"], read["phone_number"]) == ("Ada", "L", "+12025550123")
    assert (read["location"]["address1"], read["location"]["city"]) == ("Karl Johans gate 1", "Oslo")
    assert read["properties"] == {"a_B": 1}
    assert ids(client("get_profiles", **BY_ADA)) == [ada]
    list_id = new_list(client)
    client("add_profiles_to_list", list_id, references(ada))
    assert ids(client("get_lists_for_profile", ada)) == ids(client("get_list_ids_for_profile", ada)) == [list_id]
    assert client("get_segments_for_profile", ada)["data"] == client("get_segment_ids_for_profile", ada)["data"] == []


def test_imports_are_followed_to_everything_that_they_have(client: Client) -> None:
    list_id = new_list(client)
    rows = [row(email=ADA, external_id="7", properties={"n": 1}), row(email="fail+x@example.com")]
    job = made(client("bulk_import_profiles", import_body(rows, list_id)))
    read = client("get_bulk_import_profiles_job", job)["data"]["attributes"]
    assert (read["status"], read["total_count"], read["failed_count"]) == ("complete", 2, 1)
    assert ids(client("get_bulk_import_profiles_jobs", filter='equals(status,"complete")')) == [job]
    (error,) = client("get_errors_for_bulk_import_profiles_job", job, page_size=100)["data"]
    assert error["attributes"]["original_payload"] == {"email": "fail+x@example.com"}
    (ada,) = ids(client("get_profiles_for_bulk_import_profiles_job", job))
    assert ids(client("get_profile_ids_for_bulk_import_profiles_job", job)) == [ada]
    assert ids(client("get_list_for_bulk_import_profiles_job", job)) == [list_id]
    assert ids(client("get_list_ids_for_bulk_import_profiles_job", job)) == [list_id]
    (member,) = client("get_profiles_for_list", list_id)["data"]
    assert (member["id"], member["attributes"]["properties"]) == (ada, {"n": 1})
    with pytest.raises(Refused, match="400") as refused:
        client("bulk_import_profiles", import_body([row(email=BOB), row(email="nope")]))
    assert "/data/attributes/profiles/data/1/attributes/email" in refused.value.errors


def consent(client: Client) -> Any:
    """The subscriptions of Ada."""
    (person,) = client("get_profiles", **BY_ADA, additional_fields_profile=["subscriptions"])["data"]
    return person["attributes"]["subscriptions"]


def test_consent_is_given_read_and_taken_back(client: Client, api: Api) -> None:
    list_id = api.make_list(opt_in_process="single_opt_in")
    client("create_profile", {"data": row(email=ADA)})
    assert consent(client)["sms"]["transactional"]["consent"] == "NEVER_SUBSCRIBED"
    client("bulk_subscribe_profiles", bulk_body(SUBSCRIBE, [subscribed(ADA, "+12025550123")], list_id))
    given = consent(client)
    assert given["email"]["marketing"]["consent"] == given["sms"]["marketing"]["consent"] == "SUBSCRIBED"
    assert given["email"]["marketing"]["can_receive_email_marketing"] is True
    client("bulk_unsubscribe_profiles", bulk_body(UNSUBSCRIBE, [unsubscribed(ADA)], list_id))
    (suppression,) = consent(client)["email"]["marketing"]["list_suppressions"]
    assert suppression["list_id"] == list_id
    client("bulk_unsubscribe_profiles", bulk_body(UNSUBSCRIBE, [unsubscribed(ADA)]))
    taken = consent(client)["email"]["marketing"]
    assert (taken["consent"], [each["reason"] for each in taken["suppression"]]) == ("UNSUBSCRIBED", ["UNSUBSCRIBE"])
    with pytest.raises(Refused, match="400") as refused:
        client("bulk_subscribe_profiles", bulk_body(SUBSCRIBE, [subscribed("nope")]))
    assert "/data/attributes/profiles/data/0/attributes/email" in refused.value.errors


def test_suppressions_are_started_listed_and_lifted(client: Client) -> None:
    started = made(client("bulk_suppress_profiles", bulk_body(SUPPRESS, [row(email=ADA)])))
    done = client("get_bulk_suppress_profiles_job", started)["data"]["attributes"]
    assert (done["status"], done["completed_count"]) == ("complete", 1)
    assert ids(client("get_bulk_suppress_profiles_jobs")) == [started]
    lifted = made(client("bulk_unsuppress_profiles", bulk_body(UNSUPPRESS, [row(email=ADA)])))
    assert client("get_bulk_unsuppress_profiles_job", lifted)["data"]["attributes"]["skipped_count"] == 0
    assert ids(client("get_bulk_unsuppress_profiles_jobs")) == [lifted]


def test_events_are_recorded_and_read_with_their_metrics(client: Client, api: Api) -> None:
    single = event("Bought", unique_id="1", time="2026-11-08T00:00:00Z", value=9.5, profile={"data": row(email=ADA)})
    client("create_event", {"data": single})
    client("bulk_create_events", events_body(entry(row(email=ADA), event("Bought", unique_id="2"), event("Seen"))))
    names = {each["id"]: each["attributes"]["name"] for each in client("get_metrics")["data"]}
    assert sorted(names.values()) == ["Bought", "Seen"]
    bought = next(metric for metric, name in names.items() if name == "Bought")
    assert client("get_metric", bought)["data"]["attributes"]["name"] == "Bought"
    found = ids(client("get_events", filter=f'equals(metric_id,"{bought}")'))
    assert len(found) == 2
    assert client("get_event", found[0])["data"]["attributes"]["event_properties"] is not None
    assert len(api.events()) == 3
    client("bulk_create_events", events_body(entry(row(email=ADA), event("Bought", unique_id="2"))))
    assert len(api.events()) == 3, "an event with a known unique_id is not another one"


def test_a_person_is_deleted_and_then_unknown(client: Client, api: Api) -> None:
    api.make_profile(email=ADA)
    client("request_profile_deletion", deletion_body(email=ADA))
    assert api.person(ADA) is None
    with pytest.raises(Refused, match="404"):
        client("request_profile_deletion", deletion_body(email=ADA))


@pytest.mark.parametrize("name", CLIENTS)
def test_a_key_that_is_none_is_refused(url: str, name: str) -> None:
    with CLIENTS[name](url, "nope") as client, pytest.raises(Refused, match="401"):
        client("get_lists")
