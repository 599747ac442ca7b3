"""Lists, their members, and the account behind the key."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from klaviyo.accounts import Account
from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import UNEXPECTED, Hold

URL = "https://a.klaviyo.com"
LISTS = f"{URL}/api/lists"
MEMBERS = f"{LISTS}/L1/relationships/profiles"
ON_LIST = f"{LISTS}/L1/profiles"
FORBIDDEN = {"errors": [{"id": "e", "code": "permission_denied"}]}


class OpenLimiter:
    """Lets everything through."""

    def acquire(self, _endpoint: str) -> float:
        return 0.0

    def pause(self, _endpoint: str, _seconds: float) -> None:
        return None


def client() -> Klaviyo:
    return Klaviyo(URL, "pk_test", OpenLimiter())


def sent_query(index: int = 0) -> dict[str, list[str]]:
    return parse_qs(urlsplit(str(responses.calls[index].request.url)).query, strict_parsing=True)


def sent_body(index: int = 0) -> Any:
    body = responses.calls[index].request.body
    assert isinstance(body, bytes)
    return json.loads(body)


def a_list(list_id: str, name: str, created: str = "2026-01-01T00:00:00+00:00") -> dict[str, Any]:
    return {"type": "list", "id": list_id, "attributes": {"name": name, "created": created}}


def profile(profile_id: str, **attributes: str | None) -> dict[str, Any]:
    return {"type": "profile", "id": profile_id, "attributes": attributes}


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
def test_members_are_looked_up_a_hundred_at_a_time() -> None:
    responses.get(MEMBERS, json={"data": [{"type": "profile", "id": "P1"}], "links": {"next": None}})
    responses.get(MEMBERS, json={"data": [{"type": "profile", "id": "P2"}], "links": {"next": None}})
    people = [f"a+{number}@example.com" for number in range(101)]
    assert client().members("L1", "email", people) == ["P1", "P2"]
    assert sent_query(0)["filter"] == ["any(email,[" + ",".join(f'"{one}"' for one in people[:100]) + "])"]
    assert sent_query(1)["filter"] == [f'any(email,["{people[100]}"])']
    assert sent_query(1)["page[size]"] == ["100"]


@responses.activate
def test_a_look_up_keeps_the_url_short() -> None:
    responses.get(MEMBERS, json={"data": []})
    client().members("L1", "email", [f"{'ö' * 60}{number}@example.com" for number in range(100)])
    assert len(responses.calls) > 1
    assert all(len(call.request.url or "") < 6_000 for call in responses.calls)


@responses.activate
def test_of_a_hundred_addresses_those_on_the_list_are_told_whatever_their_case() -> None:
    people = [f"A+{number}@example.com" for number in range(101)]
    pages: list[dict[str, Any]] = [
        {"data": [profile("P7", email="a+7@Example.com")], "links": {"next": f"{ON_LIST}?page%5Bcursor%5D=b"}},
        {"data": [profile("P9", email="a+9@example.com"), profile("P1", email=None), profile("P2", email="b@c.com")]},
        {"data": [profile("P100", email=people[100], phone_number=None)]},
    ]
    for page in pages:
        responses.get(ON_LIST, json=page)
    assert client().listed("L1", "email", people) == {people[7]: "P7", people[9]: "P9", people[100]: "P100"}
    assert sent_query(0)["filter"] == ["any(email,[" + ",".join(f'"{one}"' for one in people[:100]) + "])"]
    assert (sent_query(0)["fields[profile]"], sent_query(0)["page[size]"]) == (["email"], ["100"])
    assert sent_query(2)["filter"] == [f'any(email,["{people[100]}"])']


@responses.activate
def test_phones_on_the_list_are_told() -> None:
    responses.get(ON_LIST, json={"data": [profile("P1", phone_number="+12125560100", email="a@example.com")]})
    assert client().listed("L1", "phone_number", ["+12125560100", "+12125560101"]) == {"+12125560100": "P1"}


@pytest.mark.parametrize("data", [[{"id": "P1"}], [{"id": "P1", "attributes": {"email": 1}}], [None], {}])
@responses.activate
def test_nobody_is_taken_for_a_member_by_an_answer_that_cannot_be_read(data: Any) -> None:
    responses.get(ON_LIST, json={"data": data})
    with pytest.raises(NotAccepted) as refusal:
        client().listed("L1", "email", ["a@example.com"])
    assert refusal.value.outcome == UNEXPECTED


@responses.activate
def test_nobody_to_look_up_or_to_remove_is_no_request() -> None:
    assert client().members("L1", "phone_number", []) == []
    assert client().listed("L1", "phone_number", []) == {}
    client().remove_members("L1", [])
    assert len(responses.calls) == 0


@responses.activate
def test_profiles_are_found_by_external_id() -> None:
    responses.get(f"{URL}/api/profiles", json={"data": [{"type": "profile", "id": "P1", "attributes": {}}]})
    assert client().profiles_by_external_id(["c-1", "c-2"]) == ["P1"]
    assert sent_query()["filter"] == ['any(external_id,["c-1","c-2"])']


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
    assert client().account() == Account("AbC123", test_account=True)


@responses.activate
def test_a_key_that_may_not_read_accounts_is_tried_on_a_list() -> None:
    responses.get(f"{URL}/api/accounts", status=403, json=FORBIDDEN)
    responses.get(LISTS, json={"data": []})
    assert client().account() == Account(None, None)
    assert sent_query(1) == {"page[size]": ["1"]}


@pytest.mark.parametrize(("accounts", "lists"), [(403, 403), (403, 401), (401, 200)])
@responses.activate
def test_a_key_that_may_do_neither_is_a_hold(accounts: int, lists: int) -> None:
    responses.get(f"{URL}/api/accounts", status=accounts, json=FORBIDDEN)
    responses.get(LISTS, status=lists, json={"data": []} if lists == 200 else FORBIDDEN)
    with pytest.raises(NotAccepted) as refusal:
        client().account()
    assert isinstance(refusal.value.outcome, Hold)
    assert refusal.value.outcome.scope == "connection"


@responses.activate
def test_a_key_without_an_account_is_not_taken_for_one() -> None:
    responses.get(f"{URL}/api/accounts", json={"data": []})
    with pytest.raises(NotAccepted) as refusal:
        client().account()
    assert refusal.value.outcome == UNEXPECTED
