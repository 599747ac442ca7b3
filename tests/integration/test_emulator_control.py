from __future__ import annotations

import pytest

from tests.support.emulator_api import Api, references, row


def test_the_journal_shows_calls_with_decoded_queries_and_bodies(api: Api) -> None:
    list_id = api.make_list()
    api.get("/api/profiles", filter='equals(email,"a+b@example.com")', page_size="5")
    api.call("DELETE", f"/api/lists/{list_id}/relationships/profiles/", json=references())
    made, found, removed = api.call("GET", "/_emulator/requests?since=0").json()
    assert (made["n"], made["method"], made["path"], made["status"]) == (1, "POST", "/api/lists", 201)
    assert made["body"]["data"]["attributes"] == {"name": "VIP"}
    assert found["query"] == {"filter": 'equals(email,"a+b@example.com")', "page[size]": "5"}
    assert found["body"] is None
    assert removed["path"] == f"/api/lists/{list_id}/relationships/profiles"
    assert removed["body"] == {"data": []}
    assert made["at"] < found["at"] < removed["at"]
    assert {entry["fault"] for entry in (made, found, removed)} == {None}


def test_the_journal_starts_where_it_is_asked_to_and_leaves_out_bodies(api: Api) -> None:
    for name in ("A", "B", "C"):
        api.make_list(name)
    entries = api.call("GET", "/_emulator/requests?since=1&bodies=0").json()
    assert [(entry["n"], entry["body"]) for entry in entries] == [(2, None), (3, None)]


def test_the_journal_notes_refused_calls_and_holds_no_key(api: Api) -> None:
    api.call("GET", "/api/lists", headers={"Authorization": "Klaviyo-API-Key nope"})
    answer = api.call("GET", "/_emulator/requests")
    assert [entry["status"] for entry in answer.json()] == [401]
    assert "Klaviyo-API-Key" not in answer.text


def test_large_bodies_are_kept_while_recording(api: Api) -> None:
    rows = [row(email=f"p{n}@example.com", title="x" * 200) for n in range(1_500)]
    api.start_import(rows)
    api.control("requests", {"record": True})
    api.start_import(rows)
    entries = api.call("GET", "/_emulator/requests").json()
    assert [entry["body"] is None for entry in entries] == [True, False]


def test_members_are_shown_by_their_best_identifier_or_in_full(api: Api) -> None:
    list_id = api.make_list("West & East / 50%")
    api.start_import([row(email="a@example.com", title="Dr", properties={"n": 1}), row(external_id="x")], list_id)
    path = "/_emulator/lists/West%20%26%20East%20%2F%2050%25/members"
    assert api.call("GET", path).json() == {"lists": [list_id], "count": 2, "members": ["a@example.com", "x"]}
    full = api.call("GET", f"{path}?full=1").json()["members"]
    person = full[0]
    assert (person["email"], person["title"], person["properties"]) == ("a@example.com", "Dr", {"n": 1})
    assert person["lists"] == ["West & East / 50%"]


@pytest.mark.parametrize("identifier", ["A@example.com", "+15005550006", "x"])
def test_a_profile_is_shown_by_any_identifier(api: Api, identifier: str) -> None:
    profile_id = api.make_profile(email="a@example.com", phone_number="+15005550006", external_id="x")
    shown = api.call("GET", f"/_emulator/profiles/{identifier}").json()
    assert (shown["id"], shown["email"], shown["lists"]) == (profile_id, "a@example.com", [])


def test_a_reset_empties_the_account_and_takes_back_every_setting(api: Api) -> None:
    api.make_list()
    api.make_profile(email="a@example.com")
    for name, order in [
        ("keys", {"keys": [{"key": "pk_other"}]}),
        ("faults", {"fault": "500", "times": 9}),
        ("jobs", {"seconds": 99}),
        ("limits", {"scale": 0.001}),
    ]:
        api.control(name, order)
    api.control("reset")
    assert api.get("/api/lists").json()["data"] == []
    assert api.get("/api/profiles").json()["data"] == []
    assert len(api.call("GET", "/_emulator/requests").json()) == 2
    list_id = api.make_list()
    api.start_import([row(email="a@example.com")], list_id)
    assert api.members() == ["a@example.com"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {}),
        ("faults", {"fault": "earthquake"}),
        ("faults", {"fault": "500", "color": "red"}),
        ("faults", {"fault": "500", "match": {"path": "("}}),
        ("jobs", {"seconds": -1}),
        ("jobs", {"second": 1}),
        ("limits", {"scale": 0}),
        ("keys", {"keys": ["pk_test"]}),
        ("keys", []),
        ("requests", {"record": "yes"}),
    ],
)
def test_a_bad_order_is_400_with_a_reason(api: Api, path: str, body: object) -> None:
    answer = api.call("POST", f"/_emulator/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("path", ["lists/nope/members", "profiles/nope@example.com"])
def test_what_is_not_there_is_404_with_a_reason(api: Api, path: str) -> None:
    answer = api.call("GET", f"/_emulator/{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]


def test_the_journal_wants_a_number(api: Api) -> None:
    answer = api.call("GET", "/_emulator/requests?since=yesterday")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json")
