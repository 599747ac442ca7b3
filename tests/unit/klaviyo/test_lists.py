"""Lists, their members, and the account behind the key."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from klaviyo.accounts import KlaviyoAccount
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import UNEXPECTED, HoldNeeded
from tests.support.answered import URL, client, sent_body, sent_query

LISTS = f"{URL}/api/lists"
MEMBERS = f"{LISTS}/L1/relationships/profiles"
FORBIDDEN = {"errors": [{"id": "e", "code": "permission_denied"}]}


def a_list(list_id: str, name: str, created: str = "2026-01-01T00:00:00+00:00") -> dict[str, Any]:
    return {"type": "list", "id": list_id, "attributes": {"name": name, "created": created}}


@responses.activate
def test_a_list_is_found_by_its_exact_name_and_the_oldest_wins() -> None:
    first = [a_list("L1", "vip"), a_list("L2", "VIP", "2026-03-01T00:00:00+00:00")]
    second = [a_list("L3", "VIP", "2026-02-01T00:00:00+00:00"), a_list("L4", "VIP ")]
    responses.get(LISTS, json={"data": first, "links": {"next": f"{LISTS}/?page%5Bcursor%5D=b"}})
    responses.get(LISTS, json={"data": second, "links": {"next": None}})
    assert client().find_list("VIP") == "L3"
    assert sent_query()["filter"] == ['equals(name,"VIP")']
    assert sent_query()["page[size]"] == ["10"]


@responses.activate
def test_a_list_that_does_not_exist_is_none() -> None:
    responses.get(LISTS, json={"data": [], "links": {"next": None, "prev": None}})
    assert client().find_list('5" & more, "quoted"') is None
    assert sent_query()["filter"] == ['equals(name,"5\\" & more, \\"quoted\\"")']


@responses.activate
def test_a_list_is_created_with_its_name() -> None:
    responses.post(LISTS, status=201, json={"data": a_list("L9", "VIP")})
    assert client().create_list("VIP") == "L9"
    assert sent_body() == {"data": {"type": "list", "attributes": {"name": "VIP"}}}


@responses.activate
def test_a_list_gives_its_name() -> None:
    responses.get(f"{LISTS}/L1", json={"data": a_list("L1", "VIP")})
    assert client().get_list("L1") == "VIP"


@responses.activate
def test_nobody_to_remove_is_no_request() -> None:
    client().remove_members("L1", [])
    assert len(responses.calls) == 0


@responses.activate
def test_removals_go_a_thousand_at_a_time() -> None:
    responses.delete(MEMBERS, status=204)
    ids = [f"P{number}" for number in range(2_001)]
    client().remove_members("L1", ids)
    removed = [[one["id"] for one in sent_body(index)["data"]] for index in range(3)]
    assert [len(part) for part in removed] == [1_000, 1_000, 1]
    assert [one for part in removed for one in part] == ids
    assert sent_body(2) == {"data": [{"type": "profile", "id": "P2000"}]}


@responses.activate
def test_the_account_of_a_key_is_told() -> None:
    account = {"type": "account", "id": "AbC123", "attributes": {"test_account": True}}
    responses.get(f"{URL}/api/accounts", json={"data": [account]})
    assert client().account() == KlaviyoAccount("AbC123", test_account=True)


@responses.activate
def test_a_key_that_may_not_read_accounts_is_tried_on_a_list() -> None:
    responses.get(f"{URL}/api/accounts", status=403, json=FORBIDDEN)
    responses.get(LISTS, json={"data": []})
    assert client().account() == KlaviyoAccount(None, None)
    assert sent_query(1) == {"page[size]": ["1"]}


@pytest.mark.parametrize(("accounts", "lists"), [(403, 403), (403, 401), (401, 200)])
@responses.activate
def test_a_key_that_may_do_neither_is_a_hold(accounts: int, lists: int) -> None:
    responses.get(f"{URL}/api/accounts", status=accounts, json=FORBIDDEN)
    responses.get(LISTS, status=lists, json={"data": []} if lists == 200 else FORBIDDEN)
    with pytest.raises(NotAccepted) as refusal:
        client().account()
    assert isinstance(refusal.value.outcome, HoldNeeded)
    assert refusal.value.outcome.scope == "connection"


@responses.activate
def test_a_key_without_an_account_is_not_taken_for_one() -> None:
    responses.get(f"{URL}/api/accounts", json={"data": []})
    with pytest.raises(NotAccepted) as refusal:
        client().account()
    assert refusal.value.outcome == UNEXPECTED
