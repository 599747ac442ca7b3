"""The requests of Airbyte's and Singer's connectors for Klaviyo, answered by the emulator.

Sources: the manifest of airbyte-source-klaviyo 2.13.1, and tap-klaviyo 1.1.5; of both, the streams of people, events,
metrics and lists. They ask for older revisions; the queries are sent here in the one that Ferry uses. Campaigns, flows
and templates are none of Ferry's concern, and the emulator has none.
"""

from __future__ import annotations

import pytest

from tests.support.emulator_api import SUPPRESS, Api, bulk_body, entry, event, events_body, row

#: The interval of a first sync, as the connector writes it: the zone without a colon.
_FROM, _UNTIL = "2012-01-01T00:00:00+0000", "2100-01-01T00:00:00+0000"
_EMAILS = [f"{number}@example.com" for number in range(3)]
_CHANGED = {"filter": f"greater-than(updated,{_FROM})", "sort": "updated", "page[size]": "2"}


@pytest.mark.parametrize("more", ["predictive_analytics", "subscriptions"])
def test_people_are_read_by_their_last_change_page_after_page(api: Api, more: str) -> None:
    for email in _EMAILS:
        api.make_profile(email=email)
    found = api.pages("/api/profiles", **_CHANGED, **{"additional-fields[profile]": more})
    assert [each["attributes"]["email"] for each in found] == _EMAILS
    assert all(more in each["attributes"] for each in found)


def test_people_who_changed_before_the_last_sync_are_not_read_again(api: Api) -> None:
    api.make_profile(email=_EMAILS[0])
    assert api.pages("/api/profiles", **_CHANGED | {"filter": f"greater-than(updated,{_UNTIL})"}) == []


@pytest.mark.parametrize(
    ("interval", "fields"),
    [
        (f"greater-than(datetime,{_FROM})", "name"),
        (
            f"greater-or-equal(datetime,{_FROM}),less-or-equal(datetime,{_UNTIL})",
            "name,created,updated,integration",
        ),
    ],
)
def test_events_are_read_with_the_names_of_their_metrics(api: Api, interval: str, fields: str) -> None:
    _buy(api)
    query = {"include": "metric,attributions", "filter": interval, "sort": "datetime", "fields[metric]": fields}
    document = api.get("/api/events", **query).json()
    (metric,) = document["included"]
    assert [each["relationships"]["metric"]["data"]["id"] for each in document["data"]] == [metric["id"]]
    assert metric["attributes"]["name"] == "Bought"
    assert metric["attributes"].keys() <= {*fields.split(",")}
    assert [each["id"] for each in api.pages("/api/metrics")] == [metric["id"]]


def _buy(api: Api) -> None:
    answer = api.post("/api/event-bulk-create-jobs", events_body(entry(row(email=_EMAILS[0]), event("Bought"))))
    assert answer.status_code == 202, answer.text


def test_the_events_of_a_metric_since_a_second_are_read_with_their_people(api: Api) -> None:
    _buy(api)
    (metric,) = api.pages("/api/metrics")
    since = f'equals(metric_id,"{metric["id"]}"),greater-or-equal(timestamp,1325376000)'
    document = api.get("/api/events", filter=since, include="profile,metric", sort="datetime").json()
    assert len(document["data"]) == 1
    included = {each["type"]: each["attributes"] for each in document["included"]}
    assert (included["metric"]["name"], included["profile"]["email"]) == ("Bought", _EMAILS[0])


def test_people_who_get_no_email_are_read_by_the_reason(api: Api) -> None:
    api.make_profile(email=_EMAILS[0])
    assert api.post(SUPPRESS, bulk_body(SUPPRESS, [row(email=_EMAILS[0])])).status_code == 202
    more = {"additional-fields[profile]": "subscriptions,predictive_analytics"}
    found = {}
    for reason in ("HARD_BOUNCE", "USER_SUPPRESSED", "UNSUBSCRIBE", "INVALID_EMAIL"):
        suppressed = f"equals(subscriptions.email.marketing.suppression.reason,'{reason}')"
        found[reason] = [each["attributes"]["email"] for each in api.pages("/api/profiles", filter=suppressed, **more)]
    assert {reason: emails for reason, emails in found.items() if emails} == {"USER_SUPPRESSED": [_EMAILS[0]]}


def test_each_list_is_read_with_the_number_of_its_members(api: Api) -> None:
    made = api.make_list()
    assert [each["id"] for each in api.pages("/api/lists")] == [made]
    assert [each["id"] for each in api.pages("/api/lists", include="tags")] == [made]
    found = api.get(f"/api/lists/{made}", **{"additional-fields[list]": "profile_count"}).json()["data"]
    assert found["attributes"]["profile_count"] == 0
