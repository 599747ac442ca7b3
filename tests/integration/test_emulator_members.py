from __future__ import annotations

import pytest

from tests.support.emulator_api import Api, first_error, references, row


def relationship(list_id: str) -> str:
    return f"/api/lists/{list_id}/relationships/profiles"


def ids(api: Api, list_id: str, **query: str) -> list[str]:
    answer = api.get(relationship(list_id), **query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["data"]]


def test_profiles_are_added_by_id_and_adding_again_changes_nothing(api: Api) -> None:
    list_id, ada, bob = api.make_list(), api.make_profile(email="a@example.com"), api.make_profile(external_id="b")
    for _ in range(2):
        answer = api.post(relationship(list_id), references(ada, bob))
        assert (answer.status_code, answer.content) == (204, b"")
        assert "Content-Type" not in answer.headers
    assert ids(api, list_id) == [ada, bob]
    assert api.members() == ["a@example.com", "b"]


def test_profiles_are_removed_by_a_delete_with_a_body_and_stay_profiles(api: Api) -> None:
    list_id, ada, bob = api.make_list(), api.make_profile(email="a@example.com"), api.make_profile(external_id="b")
    api.post(relationship(list_id), references(ada, bob))
    for _ in range(2):
        answer = api.call("DELETE", relationship(list_id), json=references(ada))
        assert (answer.status_code, answer.content) == (204, b"")
    assert api.members() == ["b"]
    assert api.get(f"/api/profiles/{ada}").status_code == 200


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_unknown_profile_ids_are_400_by_name_and_nobody_moves(api: Api, method: str) -> None:
    list_id, ada = api.make_list(), api.make_profile(email="a@example.com")
    before = ids(api, list_id)
    answer = api.call(method, relationship(list_id), json=references(ada, "XYZABD", "QQ"))
    error = first_error(answer)
    assert (answer.status_code, error["source"]["pointer"]) == (400, "/data/")
    assert error["detail"] == "Invalid profile IDs: XYZABD, QQ"
    assert ids(api, list_id) == before


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_more_than_a_thousand_are_refused(api: Api, method: str) -> None:
    list_id, ada = api.make_list(), api.make_profile(email="a@example.com")
    assert api.call(method, relationship(list_id), json=references(*[ada] * 1_000)).status_code == 204
    assert api.call(method, relationship(list_id), json=references(*[ada] * 1_001)).status_code == 400


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_body_without_profile_ids_is_refused(api: Api, method: str) -> None:
    list_id = api.make_list()
    bodies: list[object] = [None, {}, {"data": {}}, {"data": [{"type": "list", "id": "x"}]}]
    for body in (*bodies, {"data": [{"type": "profile"}]}):
        assert api.call(method, relationship(list_id), json=body).status_code == 400


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_list_is_404(api: Api, method: str) -> None:
    answer = api.call(method, relationship("nope"), json=references())
    assert (answer.status_code, first_error(answer)["detail"]) == (404, "A list with id `nope` does not exist.")


def test_members_are_looked_up_by_address_and_phone(api: Api) -> None:
    list_id = api.make_list()
    api.start_import([row(email=f"p{n}@example.com", phone_number=f"+1500555000{n}") for n in range(5)], list_id)
    outsider = api.make_profile(email="out@example.com")
    everybody = ids(api, list_id)
    assert ids(api, list_id, filter='equals(email,"P1@EXAMPLE.com")') == [everybody[1]]
    assert ids(api, list_id, filter="any(email,['p3@example.com','p0@example.com','no@example.com'])") == [
        everybody[0],
        everybody[3],
    ]
    assert ids(api, list_id, filter='any(phone_number,["+15005550004"])') == [everybody[4]]
    assert ids(api, list_id, filter='equals(email,"out@example.com")') == []
    assert outsider not in everybody


def test_a_plus_that_is_not_encoded_finds_nobody(api: Api) -> None:
    list_id = api.make_list()
    api.start_import([row(email="ada+tag@example.com")], list_id)
    raw = f'{relationship(list_id)}?filter=equals(email,"ada+tag@example.com")'
    assert api.call("GET", raw).json()["data"] == []
    assert len(ids(api, list_id, filter='equals(email,"ada+tag@example.com")')) == 1


def test_external_ids_cannot_be_looked_up_among_members(api: Api) -> None:
    answer = api.get(relationship(api.make_list()), filter='equals(external_id,"7")')
    assert (answer.status_code, first_error(answer)["source"]) == (400, {"parameter": "filter"})


def test_pages_hold_20_by_default_and_100_at_most(api: Api) -> None:
    list_id = api.make_list()
    api.start_import([row(external_id=str(n)) for n in range(250)], list_id)
    assert len(ids(api, list_id)) == 20
    assert len(ids(api, list_id, page_size="100")) == 100
    assert api.get(relationship(list_id), page_size="101").status_code == 400


@pytest.mark.parametrize("sort", ["joined_group_at", "-joined_group_at"])
def test_the_cursors_lead_through_all_members(api: Api, sort: str) -> None:
    list_id = api.make_list()
    api.start_import([row(external_id=str(n)) for n in range(250)], list_id)
    seen = [item["id"] for item in api.pages(relationship(list_id), page_size="100", sort=sort)]
    assert len(seen) == 250
    assert seen == sorted(seen, reverse=sort.startswith("-"))


def test_members_as_profiles_say_when_they_joined(api: Api) -> None:
    list_id = api.make_list()
    api.start_import([row(email="a@example.com", first_name="Ada")], list_id)
    (person,) = api.get(f"/api/lists/{list_id}/profiles").json()["data"]
    joined = person["attributes"]["joined_group_at"]
    assert person["attributes"]["first_name"] == "Ada"
    later = api.get(f"/api/lists/{list_id}/profiles", filter=f"greater-than(joined_group_at,{joined})")
    same = api.get(f"/api/lists/{list_id}/profiles", filter=f"less-or-equal(joined_group_at,{joined})")
    assert (len(later.json()["data"]), len(same.json()["data"])) == (0, 1)
