"""Consent given and withdrawn: the requests, and what their refusals mean."""

from __future__ import annotations

import json
from functools import partial

import pytest
import responses

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import UNEXPECTED, Bisect, HoldNeeded, Outcome, Retry, RowError, Rows, Split
from klaviyo.subscriptions import MAX_SUBSCRIBED, MAX_UNSUBSCRIBED, subscription, unsubscription
from tests.support.answered import URL, client, refused, sent_body

SUBSCRIBE = f"{URL}/api/profile-subscription-bulk-create-jobs"
UNSUBSCRIBE = f"{URL}/api/profile-subscription-bulk-delete-jobs"
BOTH = [SUBSCRIBE, UNSUBSCRIBE]
PHONE = "+12125560100"
AT = "2024-04-01T18:37:06.558Z"


@responses.activate
def test_a_subscription_goes_with_its_list_source_and_history() -> None:
    responses.post(SUBSCRIBE, status=202)
    rows = [subscription("ada@example.com", None, AT), subscription(None, PHONE, AT)]
    client().subscribe(rows, "L1", "-59", historical=True)
    assert sent_body() == {
        "data": {
            "type": "profile-subscription-bulk-create-job",
            "attributes": {
                "custom_source": "-59",
                "historical_import": True,
                "profiles": {"data": [json.loads(row) for row in rows]},
            },
            "relationships": {"list": {"data": {"type": "list", "id": "L1"}}},
        }
    }


@responses.activate
def test_a_subscription_without_list_and_source_names_neither() -> None:
    responses.post(SUBSCRIBE, status=202)
    client().subscribe([subscription("ada@example.com", None, None)], None, None, historical=False)
    assert sent_body()["data"].keys() == {"type", "attributes"}
    assert sent_body()["data"]["attributes"].keys() == {"historical_import", "profiles"}
    assert sent_body()["data"]["attributes"]["historical_import"] is False


@pytest.mark.parametrize("list_id", ["L1", None])
@responses.activate
def test_an_unsubscription_says_nothing_but_who_and_from_which_list(list_id: str | None) -> None:
    responses.post(UNSUBSCRIBE, status=202)
    row = unsubscription("ada@example.com", None)
    client().unsubscribe([row], list_id)
    data = {
        "type": "profile-subscription-bulk-delete-job",
        "attributes": {"profiles": {"data": [json.loads(row)]}},
    }
    if list_id:
        data["relationships"] = {"list": {"data": {"type": "list", "id": list_id}}}
    assert sent_body() == {"data": data}


@pytest.mark.parametrize("url", BOTH)
@responses.activate
def test_only_a_202_is_success(url: str) -> None:
    for status in (200, 201, 204):
        responses.post(url, status=status)
        assert refusal(url) == UNEXPECTED


@pytest.mark.parametrize("url", BOTH)
@responses.activate
def test_named_rows_are_told_with_their_pointers_and_rows_not_sent_are_not_blamed(url: str) -> None:
    responses.post(url, status=400, json=refused(pointer(1, "email"), pointer(7, "email"), "/data"))
    assert refusal(url) == Rows((RowError(1, "invalid", "d", pointer(1, "email"), "e"),))


@pytest.mark.parametrize("url", BOTH)
@responses.activate
def test_a_deleted_list_is_held_and_blames_nobody(url: str) -> None:
    responses.post(url, status=400, json=refused("/data/relationships/list/data/id", pointer(0, "email")))
    outcome = refusal(url)
    assert isinstance(outcome, HoldNeeded)
    assert (outcome.scope, outcome.reason) == ("list", "list_gone")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Bisect("invalid", "d", "/data", "e")),
        (413, Split("too_large")),
        (500, Retry(None, counts=True, why="http_500")),
        (429, Retry(60.0, counts=False, why="throttled")),
    ],
)
@pytest.mark.parametrize("url", BOTH)
@responses.activate
def test_other_refusals_mean_what_they_mean_for_an_import(url: str, status: int, outcome: Outcome) -> None:
    responses.post(url, status=status, json=refused("/data"))
    assert refusal(url) == outcome


@responses.activate
def test_more_rows_than_klaviyo_takes_are_not_sent_body() -> None:
    row = subscription("ada@example.com", None, None)
    for count in (0, MAX_SUBSCRIBED + 1):
        with pytest.raises(ValueError, match="The request takes 1 to 1000 rows"):
            client().subscribe([row] * count, None, None, historical=False)
    for count in (0, MAX_UNSUBSCRIBED + 1):
        with pytest.raises(ValueError, match="The request takes 1 to 100 rows"):
            client().unsubscribe([row] * count, None)
    assert len(responses.calls) == 0


def pointer(index: int, place: str) -> str:
    return f"/data/attributes/profiles/data/{index}/attributes/{place}"


def refusal(url: str) -> Outcome:
    rows = [b"{}", b"{}"]
    subscribe = partial(client().subscribe, rows, "L1", None, historical=False)
    ask = subscribe if url == SUBSCRIBE else partial(client().unsubscribe, rows, "L1")
    with pytest.raises(NotAccepted) as refused:
        ask()
    return refused.value.outcome
