"""What clients read besides lists, profiles and jobs: the account, metrics, events, segments, counts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.emulator_api import (
    EVENT,
    EVENTS,
    IMPORTS,
    SUPPRESS,
    UNSUPPRESS,
    Api,
    bulk_body,
    deletion_body,
    entry,
    event,
    events_body,
    first_error,
    pointers,
    row,
    started_import,
)

ADA, BOB = row(email="a@example.com"), row(email="b@example.com")


@pytest.fixture(autouse=True)
def without_limits(api: Api) -> None:
    api.control("limits", {"off": True})


@pytest.fixture
def bought(api: Api) -> list[str]:
    """The ids of three events of two metrics and two people, in the order of their times."""
    sold = event("Bought", unique_id="1", time="2026-01-01T00:00:00Z", value=9.5, value_currency="EUR")
    seen = event("Seen", unique_id="2", time="2026-01-02T00:00:00Z", properties={"n": [1]})
    late = event("Bought", unique_id="3", time="2026-01-03T00:00:00Z")
    assert api.post(EVENTS, events_body(entry(ADA, sold, late), entry(BOB, seen))).status_code == 202
    return ids(api, sort="datetime")


def ids(api: Api, path: str = EVENT, **query: str) -> list[str]:
    answer = api.get(path, **query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["data"]]


def metrics(api: Api) -> dict[str, str]:
    return {item["attributes"]["name"]: item["id"] for item in api.get("/api/metrics").json()["data"]}


def test_an_event_has_its_value_among_its_properties_and_leads_to_person_and_metric(
    api: Api, bought: list[str]
) -> None:
    document = api.get(f"{EVENT}/{bought[0]}").json()["data"]
    attributes = document["attributes"]
    assert (attributes["timestamp"], attributes["datetime"]) == (1_767_225_600, "2026-01-01T00:00:00+00:00")
    assert attributes["event_properties"] == {"$event_id": "1", "$value": 9.5, "$value_currency": "EUR"}
    assert re.fullmatch(r"[0-9a-f-]{36}", attributes["uuid"])
    person = api.person("a@example.com")
    assert person is not None
    related = {name: each["data"]["id"] for name, each in document["relationships"].items()}
    assert related == {"profile": person["id"], "metric": metrics(api)["Bought"]}


def test_included_people_and_metrics_come_once_each(api: Api, bought: list[str]) -> None:
    found = api.get(EVENT, include="metric,profile,attributions").json()["included"]
    assert sorted((item["type"], item["attributes"].get("name") or item["attributes"]["email"]) for item in found) == [
        ("metric", "Bought"),
        ("metric", "Seen"),
        ("profile", "a@example.com"),
        ("profile", "b@example.com"),
    ]
    single = api.get(f"{EVENT}/{bought[1]}", include="metric").json()["included"]
    assert [item["attributes"]["name"] for item in single] == ["Seen"]
    assert "included" not in api.get(EVENT).json()


def test_events_are_found_by_person_metric_and_time_and_sorted(api: Api, bought: list[str]) -> None:
    first, second, third = bought
    person = api.person("b@example.com")
    assert person is not None
    assert ids(api, sort="-timestamp") == [third, second, first]
    assert ids(api, filter=f'equals(metric_id,"{metrics(api)["Bought"]}")') == [first, third]
    assert ids(api, filter=f'equals(profile_id,"{person["id"]}")') == [second]
    assert ids(api, filter="greater-than(datetime,2026-01-01T00:00:00Z)") == [second, third]
    assert ids(api, filter="greater-or-equal(timestamp,1767225600),less-than(timestamp,1767312000)") == [first]
    assert ids(api, filter="has(profile),has(metric)") == bought
    assert ids(api, filter='equals(metric_id,"nope")') == []


def test_the_cursors_lead_through_all_events(api: Api, bought: list[str]) -> None:
    for sort, expected in (("datetime", bought), ("-datetime", bought[::-1])):
        assert [item["id"] for item in api.pages(EVENT, page_size="1", sort=sort)] == expected


def test_an_id_that_cannot_be_one_is_400_and_an_unknown_one_404(api: Api) -> None:
    odd = api.get(f"{EVENT}/NOPE01")
    assert (odd.status_code, pointers(odd)) == (400, ["/data/id"])
    assert first_error(odd)["detail"] == "Invalid Event ID: 'NOPE01'"
    assert api.get(f"{EVENT}/00000000000").status_code == 404


def test_a_deleted_person_leaves_no_event_but_the_metric(api: Api, bought: list[str]) -> None:
    api.post("/api/data-privacy-deletion-jobs", deletion_body(email="a@example.com"))
    assert ids(api) == [bought[1]]
    assert set(metrics(api)) == {"Bought", "Seen"}


def test_metrics_are_made_by_their_first_event_and_found_by_integration(api: Api, bought: list[str]) -> None:
    found = metrics(api)
    assert list(found.values()) == sorted(found.values())
    one = api.get(f"/api/metrics/{found['Seen']}", include="flow-triggers").json()
    assert (one["data"]["attributes"]["name"], one["included"]) == ("Seen", [])
    assert one["data"]["attributes"]["integration"]["name"] == "API"
    assert one["data"]["relationships"]["flow-triggers"]["data"] == []
    assert len(ids(api, "/api/metrics", filter='equals(integration.name,"API")')) == 2
    assert ids(api, "/api/metrics", filter='equals(integration.category,"API")') == []
    unknown = api.get("/api/metrics/NOPE01")
    assert (unknown.status_code, first_error(unknown)["detail"]) == (404, "Metric with id NOPE01 does not exist.")


def test_the_account_is_read_by_its_id(api: Api) -> None:
    (account,) = api.get("/api/accounts").json()["data"]
    assert api.get(f"/api/accounts/{account['id']}").json()["data"] == account
    unknown = api.get("/api/accounts/NOPE01")
    assert (unknown.status_code, first_error(unknown)["detail"]) == (404, "Account with id NOPE01 not found.")


def test_a_list_is_renamed_and_its_members_are_counted(api: Api) -> None:
    list_id = api.make_list("Old", opt_in_process="double_opt_in")
    api.start_import([ADA, BOB], list_id)
    body: dict[str, Any] = {"data": {"type": "list", "id": list_id, "attributes": {"name": "New"}}}
    changed = api.call("PATCH", f"/api/lists/{list_id}", json=body).json()["data"]["attributes"]
    assert (changed["name"], changed["opt_in_process"]) == ("New", "double_opt_in")
    body["data"]["attributes"] = {"opt_in_process": "single_opt_in", "name": None}
    assert api.call("PATCH", f"/api/lists/{list_id}", json=body).json()["data"]["attributes"]["name"] == "New"
    shown = api.call("GET", f"/api/lists/{list_id}?additional-fields[list]=profile_count&fields[list]=name").json()[
        "data"
    ]
    assert shown["attributes"] == {"name": "New", "profile_count": 2}
    body["data"]["id"] = "other"
    assert pointers(api.call("PATCH", f"/api/lists/{list_id}", json=body)) == ["/data/id"]
    assert api.call("PATCH", "/api/lists/nope", json={"data": {**body["data"], "id": "nope"}}).status_code == 404


def test_a_person_is_in_no_segment(api: Api) -> None:
    person = api.make_profile(email="a@example.com")
    for path in ("segments", "relationships/segments"):
        assert ids(api, f"/api/profiles/{person}/{path}") == []
        assert first_error(api.get(f"/api/profiles/nobody/{path}"))["code"] == "not_found"


def test_the_lists_of_a_person_are_included(api: Api) -> None:
    list_id, person = api.make_list(), api.make_profile(email="a@example.com")
    api.start_import([ADA], list_id)
    document = api.get(f"/api/profiles/{person}", include="lists,segments").json()
    assert [item["attributes"]["name"] for item in document["included"]] == ["VIP"]
    related = document["data"]["relationships"]
    assert (related["lists"]["data"], related["segments"]["data"]) == ([{"type": "list", "id": list_id}], [])


def test_suppression_jobs_are_listed_newest_first_and_found_by_status_and_list(api: Api) -> None:
    list_id = api.make_list()
    api.start_import([ADA], list_id)
    first, second = (api.post(SUPPRESS, bulk_body(SUPPRESS, [person])).json()["data"]["id"] for person in (ADA, BOB))
    related = {"list": {"data": {"type": "list", "id": list_id}}}
    body = {"data": {"type": SUPPRESS[5:-1], "attributes": {}, "relationships": related}}
    third = api.post(SUPPRESS, body).json()["data"]["id"]
    assert ids(api, SUPPRESS) == [third, second, first]
    assert ids(api, SUPPRESS, sort="created") == [first, second, third]
    assert ids(api, SUPPRESS, filter=f'equals(list_id,"{list_id}")') == [third]
    assert ids(api, SUPPRESS, filter='equals(segment_id,"x")') == []
    assert len(ids(api, SUPPRESS, filter='equals(status,"complete")')) == 3
    assert ids(api, UNSUPPRESS) == []
    back = api.post(UNSUPPRESS, bulk_body(UNSUPPRESS, [ADA])).json()["data"]["id"]
    assert ids(api, UNSUPPRESS) == [back]


def test_people_are_found_by_their_suppressions(api: Api) -> None:
    api.make_profile(email="a@example.com")
    api.make_profile(email="b@example.com")
    api.control("suppress/b@example.com", {"reason": "HARD_BOUNCE"})
    field = "subscriptions.email.marketing.suppression"
    for clause in (f'equals({field}.reason,"HARD_BOUNCE")', f"greater-than({field}.timestamp,2020-01-01T00:00:00Z)"):
        (found,) = api.get("/api/profiles", filter=clause, sort=f"-{field}.timestamp").json()["data"]
        assert found["attributes"]["email"] == "b@example.com"


def test_what_belongs_to_an_import_is_read_with_the_parameters_of_each(api: Api) -> None:
    job = started_import(api, [ADA, row(email="fail+x@example.com")], api.make_list())
    shown = api.call("GET", f"{IMPORTS}/{job}/import-errors", params={"fields[import-error]": "code"}).json()["data"]
    assert [item["attributes"] for item in shown] == [{"code": "x"}]
    names = api.call("GET", f"{IMPORTS}/{job}/lists", params={"fields[list]": "name"}).json()["data"]
    assert [item["attributes"] for item in names] == [{"name": "VIP"}]
