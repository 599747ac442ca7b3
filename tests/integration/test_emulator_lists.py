from __future__ import annotations

import pytest

from tests.support.emulator_api import Api, first_error, pointers, row


def create(api: Api, **attributes: object) -> int:
    return api.post("/api/lists", {"data": {"type": "list", "attributes": attributes}}).status_code


def names(api: Api, **query: str) -> list[str]:
    return [item["attributes"]["name"] for item in api.get("/api/lists", **query).json()["data"]]


def test_a_new_list_is_201_with_its_id_and_the_daily_limit(api: Api) -> None:
    answer = api.post("/api/lists", {"data": {"type": "list", "attributes": {"name": "VIP"}}})
    data = answer.json()["data"]
    assert answer.status_code == 201
    assert answer.headers["RateLimit-Limit"] == "10, 10;w=1, 150;w=60, 150;w=86400"
    assert len(data["id"]) == 6
    assert set(data["attributes"]) == {"name", "created", "updated", "opt_in_process"}
    assert data["attributes"]["opt_in_process"] == "double_opt_in"
    assert set(data["relationships"]) == {"profiles", "tags", "flow-triggers"}


@pytest.mark.parametrize("opt_in", ["single_opt_in", "double_opt_in"])
def test_the_opt_in_process_is_kept(api: Api, opt_in: str) -> None:
    body = {"data": {"type": "list", "attributes": {"name": "VIP", "opt_in_process": opt_in}}}
    list_id = api.post("/api/lists", body).json()["data"]["id"]
    assert api.get(f"/api/lists/{list_id}").json()["data"]["attributes"]["opt_in_process"] == opt_in


def test_a_bad_list_is_400_with_every_problem(api: Api) -> None:
    body = {"data": {"type": "list", "attributes": {"name": " ", "opt_in_process": "none", "colour": "red"}}}
    answer = api.post("/api/lists", body)
    assert answer.status_code == 400
    assert set(pointers(answer)) == {
        "/data/attributes/name",
        "/data/attributes/opt_in_process",
        "/data/attributes/colour",
    }


def test_two_lists_may_have_one_name_and_are_found_by_it(api: Api) -> None:
    first, second = api.make_list("My VIP, list"), api.make_list("My VIP, list")
    api.make_list("Other")
    answer = api.get("/api/lists", filter='equals(name,"My VIP, list")')
    assert {item["id"] for item in answer.json()["data"]} == {first, second}


def test_lists_are_found_by_ids_and_by_several_names(api: Api) -> None:
    ids = {name: api.make_list(name) for name in ("A", "B", "C")}
    assert set(names(api, filter=f"any(id,['{ids['A']}','{ids['B']}','nope'])")) == {"A", "B"}
    assert set(names(api, filter='any(name,["B","C"])')) == {"B", "C"}
    assert names(api, filter='equals(name,"b")') == []


def test_a_page_holds_ten_lists_and_the_cursor_leads_to_the_rest(api: Api) -> None:
    api.control("limits", {"off": True})
    for n in range(23):
        assert create(api, name=f"L{n:02}") == 201
    seen: list[str] = []
    cursor = ""
    pages = 0
    url: str | None = f"{api.url}/api/lists?sort=name&page%5Bsize%5D=10"
    while url:
        document = api.session.get(url, timeout=30).json()
        seen += [item["attributes"]["name"] for item in document["data"]]
        assert document["links"]["prev"] is None
        url, pages = document["links"]["next"], pages + 1
        cursor = url or cursor
    assert seen == [f"L{n:02}" for n in range(23)]
    assert pages == 3
    assert "sort=name" in cursor


def test_sorting_descends_with_a_minus(api: Api) -> None:
    for name in ("B", "C", "A"):
        api.make_list(name)
    assert names(api, sort="-name") == ["C", "B", "A"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"page_size": "11"}, "page[size]"),
        ({"page_size": "0"}, "page[size]"),
        ({"page_size": "ten"}, "page[size]"),
        ({"page_cursor": "rubbish"}, "page[cursor]"),
        ({"filter": "contains(name,'x')"}, "filter"),
        ({"sort": "colour"}, "sort"),
        ({"include": "profiles"}, "include"),
    ],
)
def test_a_bad_parameter_is_400_and_named(api: Api, query: dict[str, str], parameter: str) -> None:
    api.make_list()
    answer = api.get("/api/lists", **query)
    assert (answer.status_code, first_error(answer)["source"]) == (400, {"parameter": parameter})


def test_sparse_fields_leave_the_rest_out(api: Api) -> None:
    api.make_list("VIP")
    answer = api.call("GET", "/api/lists", params={"fields[list]": "name"})
    assert answer.json()["data"][0]["attributes"] == {"name": "VIP"}


def test_a_deleted_list_is_gone_for_reading_importing_and_members(api: Api) -> None:
    list_id = api.make_list()
    person = api.make_profile(email="a@example.com")
    answer = api.call("DELETE", f"/api/lists/{list_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert api.get(f"/api/lists/{list_id}").status_code == 404
    assert api.call("DELETE", f"/api/lists/{list_id}").status_code == 404
    assert api.get(f"/api/lists/{list_id}/relationships/profiles").status_code == 404
    assert api.start_import([row(email="a@example.com")], list_id).status_code == 400
    assert api.get(f"/api/profiles/{person}").status_code == 200


def test_the_thousand_and_first_list_is_refused(api: Api) -> None:
    api.control("limits", {"off": True})
    assert {create(api, name=f"L{n}") for n in range(1_000)} == {201}
    answer = api.post("/api/lists", {"data": {"type": "list", "attributes": {"name": "one more"}}})
    assert (answer.status_code, first_error(answer)["detail"]) == (400, "Maximum number of lists exceeded.")
