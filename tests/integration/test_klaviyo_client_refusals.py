"""What the client makes of an emulated Klaviyo's refusals and faults."""

from __future__ import annotations

import pytest

from klaviyo.accounts import KlaviyoAccount
from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Bisect, Gone, HoldNeeded, Outcome, Retry, Rows
from tests.support.client import KEY, OpenLimiter, client_of, encoded, people, refusal
from tests.support.emulator_api import Api


def test_a_bad_row_is_named_and_nothing_is_imported(client: Klaviyo) -> None:
    list_id = client.create_list("VIP")
    outcome = refusal(client, [*people(2), encoded(email="not an address"), encoded(phone_number="123")], list_id)
    assert isinstance(outcome, Rows)
    assert {error.index for error in outcome.errors} == {2, 3}
    assert client.find_members(list_id, "email", ["p+0@example.com"]) == []


def test_a_deleted_list_holds_the_audience_and_blames_nobody(client: Klaviyo) -> None:
    for outcome in (refusal(client, people(2), "XXXXXX"), refusal_of_look_up(client)):
        assert isinstance(outcome, HoldNeeded)
        assert (outcome.scope, outcome.reason) == ("list", "list_gone")


def refusal_of_look_up(client: Klaviyo) -> Outcome:
    with pytest.raises(NotAccepted) as refused:
        client.find_members("XXXXXX", "email", ["a@example.com"])
    return refused.value.outcome


def test_a_job_klaviyo_does_not_know_is_gone(client: Klaviyo) -> None:
    with pytest.raises(NotAccepted) as refused:
        client.import_job("no-such-job")
    assert isinstance(refused.value.outcome, Gone)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("500", Retry(None, counts=True, why="http_500")),
        ("503_html", Retry(None, counts=True, why="http_503")),
        ("403_html", Retry(300.0, counts=False, why="edge_block")),
        ("reset", Retry(None, counts=False, why="network:ConnectionError")),
        ("lost_response", Retry(None, counts=False, why="network:ConnectionError")),
        ("429", Retry(1.0, counts=False, why="throttled")),
    ],
)
def test_a_passing_fault_is_retried_and_the_next_call_succeeds(
    fault: str, outcome: Outcome, client: Klaviyo, api: Api
) -> None:
    api.control("faults", {"fault": fault})
    assert refusal(client, people(1), None) == outcome
    assert client.import_profiles(people(1), None).total == 1


@pytest.mark.parametrize(("fault", "reason"), [("401", "unauthenticated"), ("403", "forbidden")])
def test_a_refused_key_holds_the_connection(fault: str, reason: str, client: Klaviyo, api: Api) -> None:
    api.control("faults", {"fault": fault})
    outcome = refusal(client, people(1), None)
    assert isinstance(outcome, HoldNeeded)
    assert (outcome.scope, outcome.reason) == ("connection", reason)


def test_a_400_that_names_nothing_leads_to_halving(client: Klaviyo, api: Api) -> None:
    list_id = client.create_list("VIP")
    api.control("faults", {"fault": "400"})
    assert isinstance(refusal(client, people(2), list_id), Bisect)


def test_a_wrong_revision_is_not_the_peoples_fault(api: Api) -> None:
    with client_of(api, OpenLimiter(), revision="2099-01-15") as client:
        assert not isinstance(refusal(client, people(2), None), Rows)


def test_the_account_is_told_and_a_narrow_key_still_works(client: Klaviyo, api: Api) -> None:
    assert client.account().id is not None
    api.control("keys", {"keys": [{"key": KEY, "scopes": ["lists:read"]}]})
    assert client.account() == KlaviyoAccount(None, None)
    api.control("keys", {"keys": [{"key": "pk_another"}]})
    with pytest.raises(NotAccepted) as refused:
        client.account()
    assert isinstance(refused.value.outcome, HoldNeeded)
