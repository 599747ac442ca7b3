from __future__ import annotations

from typing import Any

import pytest

from tests.support.emulator_api import Api, first_error, pointers, row


def stored(api: Api, profile_id: str) -> dict[str, Any]:
    attributes: dict[str, Any] = api.get(f"/api/profiles/{profile_id}").json()["data"]["attributes"]
    return attributes


def emails(api: Api, **query: str) -> list[str]:
    answer = api.get("/api/profiles", **query)
    assert answer.status_code == 200, answer.text
    return [person["attributes"]["email"] for person in answer.json()["data"]]


def test_a_new_profile_is_201_with_unset_values_null(api: Api) -> None:
    answer = api.post("/api/profiles", {"data": row(email="a@example.com", properties={"n": 1})})
    data = answer.json()["data"]
    attributes = data["attributes"]
    assert answer.status_code == 201
    assert len(data["id"]) == 26
    assert (attributes["email"], attributes["first_name"], attributes["properties"]) == (
        "a@example.com",
        None,
        {"n": 1},
    )
    assert set(attributes["location"].values()) == {None}
    assert "data" not in data["relationships"]["lists"]


def test_a_second_profile_with_an_identifier_is_409_and_names_the_first(api: Api) -> None:
    ada = api.make_profile(email="a@example.com")
    answer = api.post("/api/profiles", {"data": row(email="A@example.com")})
    error = first_error(answer)
    assert (answer.status_code, error["code"], error["title"]) == (409, "duplicate_profile", "Conflict.")
    assert error["detail"] == "A profile already exists with one of these identifiers."
    assert error["source"] == {"pointer": "/data/attributes"}
    assert error["meta"] == {"duplicate_profile_id": ada}


def test_a_bad_profile_is_400_with_every_problem(api: Api) -> None:
    answer = api.post("/api/profiles", {"data": {**row(email="x", _kx="k", age=7), "meta": {}}})
    assert answer.status_code == 400
    assert set(pointers(answer)) == {
        "/data/attributes/email",
        "/data/attributes/_kx",
        "/data/attributes/age",
        "/data/meta",
    }


def test_a_patch_clears_null_keeps_the_rest_and_carries_out_its_orders(api: Api) -> None:
    ada = api.make_profile(email="a@example.com", title="Dr", image="i", properties={"tags": ["a"], "old": 1})
    orders = {"patch_properties": {"append": {"tags": "b"}, "unset": "old"}}
    body = {"data": {"type": "profile", "id": ada, "attributes": {"title": None}, "meta": orders}}
    answer = api.call("PATCH", f"/api/profiles/{ada}", json=body)
    attributes = answer.json()["data"]["attributes"]
    assert answer.status_code == 200
    assert (attributes["title"], attributes["image"], attributes["properties"]) == (None, "i", {"tags": ["a", "b"]})
    assert stored(api, ada) == attributes


def test_a_patch_needs_the_id_in_the_body_and_a_known_one_in_the_path(api: Api) -> None:
    ada = api.make_profile(email="a@example.com")
    assert api.call("PATCH", f"/api/profiles/{ada}", json={"data": row(title="Dr")}).status_code == 400
    unknown = {"data": {"type": "profile", "id": "01X", "attributes": {}}}
    answer = api.call("PATCH", "/api/profiles/01X", json=unknown)
    assert (answer.status_code, first_error(answer)["detail"]) == (404, "A profile with id 01X does not exist.")
    assert api.get("/api/profiles/01X").status_code == 404


def test_a_patch_to_anothers_address_is_409(api: Api) -> None:
    ada, bob = api.make_profile(email="a@example.com"), api.make_profile(email="b@example.com")
    body = {"data": {"type": "profile", "id": ada, "attributes": {"email": "b@example.com"}}}
    answer = api.call("PATCH", f"/api/profiles/{ada}", json=body)
    assert (answer.status_code, first_error(answer)["meta"]["duplicate_profile_id"]) == (409, bob)
    assert stored(api, ada)["email"] == "a@example.com"


def test_profile_import_is_201_for_a_new_person_and_200_for_a_known_one(api: Api) -> None:
    first = api.post("/api/profile-import", {"data": row(email="a@example.com", title="Dr", image="i")})
    second = api.post("/api/profile-import", {"data": row(email="a@example.com", title=None)})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["data"]["id"] == second.json()["data"]["id"]
    attributes = second.json()["data"]["attributes"]
    assert (attributes["title"], attributes["image"]) == (None, "i")


def test_profile_import_is_409_for_identifiers_of_two_and_404_for_an_unknown_id(api: Api) -> None:
    api.make_profile(email="a@example.com")
    bob = api.make_profile(phone_number="+15005550006")
    clash = api.post("/api/profile-import", {"data": row(email="a@example.com", phone_number="+15005550006")})
    assert (clash.status_code, first_error(clash)["meta"]["duplicate_profile_id"]) == (409, bob)
    unknown = api.post("/api/profile-import", {"data": {**row(email="c@example.com"), "id": "01X"}})
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ('equals(email,"P1@example.com")', [1]),
        ('any(email,["p2@example.com","p0@example.com","no@example.com"])', [0, 2]),
        ('any(phone_number,["+15005550001"])', [1]),
        ("equals(external_id,'x2')", [2]),
        ('any(external_id,["x0","x1"]),equals(email,"p1@example.com")', [1]),
        ("less-than(created,2020-01-01T00:00:00Z)", []),
        ("greater-than(created,2020-01-01T00:00:00Z)", [0, 1, 2]),
    ],
)
def test_profiles_are_found_by_their_identifiers(api: Api, clause: str, found: list[int]) -> None:
    for n in range(3):
        api.make_profile(email=f"p{n}@example.com", phone_number=f"+1500555000{n}", external_id=f"x{n}")
    assert emails(api, filter=clause) == [f"p{n}@example.com" for n in found]


def test_profiles_are_found_by_id(api: Api) -> None:
    ada, _ = api.make_profile(email="a@example.com"), api.make_profile(email="b@example.com")
    assert emails(api, filter=f"any(id,['{ada}','01X'])") == ["a@example.com"]


def test_a_plus_that_is_not_encoded_finds_nobody(api: Api) -> None:
    api.make_profile(email="a+b@example.com")
    assert api.call("GET", '/api/profiles?filter=equals(email,"a+b@example.com")').json()["data"] == []
    assert emails(api, filter='equals(email,"a+b@example.com")') == ["a+b@example.com"]


def test_pages_hold_20_by_default_and_100_at_most_and_sort(api: Api) -> None:
    api.start_import([row(email=f"p{n:03}@example.com") for n in range(120)][::-1])
    assert len(emails(api)) == 20
    assert emails(api, page_size="100", sort="email") == [f"p{n:03}@example.com" for n in range(100)]
    assert emails(api, page_size="2", sort="-email") == ["p119@example.com", "p118@example.com"]
    assert api.get("/api/profiles", page_size="101").status_code == 400


def test_sparse_fields_of_profiles(api: Api) -> None:
    api.make_profile(email="a@example.com", first_name="Ada")
    answer = api.call("GET", "/api/profiles", params={"fields[profile]": "email,location.city"})
    assert set(answer.json()["data"][0]["attributes"]) == {"email", "location"}


def test_the_account_is_a_test_account(api: Api) -> None:
    (account,) = api.get("/api/accounts").json()["data"]
    assert account["attributes"]["test_account"] is True
    assert account["attributes"]["public_api_key"] == account["id"]
