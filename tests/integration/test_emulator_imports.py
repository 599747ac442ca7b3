from __future__ import annotations

import re
import time

import orjson
import pytest

from tests.support.emulator_api import IMPORTS, Api, import_body, pointers, row, started_import


def test_the_202_has_the_recorded_shape(api: Api) -> None:
    list_id = api.make_list()
    answer = api.start_import([row(email=f"p{n}@example.com") for n in range(3)], list_id)
    document = answer.json()
    data = document["data"]
    attributes = data["attributes"]
    assert answer.status_code == 202
    assert answer.headers["Content-Type"] == "application/vnd.api+json"
    assert document["links"] == {"self": api.url + IMPORTS}
    assert data["type"] == "profile-bulk-import-job"
    assert data["links"] == {"self": f"{api.url}{IMPORTS}/{data['id']}/"}
    assert (attributes["status"], attributes["total_count"]) == ("queued", 3)
    assert (attributes["completed_count"], attributes["failed_count"]) == (0, 0)
    assert (attributes["completed_at"], attributes["started_at"]) == (None, None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", attributes["created_at"])
    relationships = data["relationships"]
    assert relationships["lists"]["data"] == [{"type": "list", "id": list_id}]
    assert set(relationships["lists"]["links"]) == {"self", "related"}
    assert set(relationships["profiles"]) == {"links"}
    assert set(relationships["import-errors"]["links"]) == {"related"}


def test_bad_rows_refuse_the_whole_import_and_are_all_named(api: Api) -> None:
    list_id = api.make_list()
    rows = [
        row(email="good@example.com"),
        row(email="nope"),
        row(email="b@example.com", phone_number="0171"),
        row(email="c@example.com", nickname="C", first_name=7),
        row(first_name="nobody"),
        "rubbish",
    ]
    answer = api.start_import(rows, list_id)
    start_of = "/data/attributes/profiles/data"
    assert answer.status_code == 400
    assert pointers(answer) == [
        f"{start_of}/1/attributes/email",
        f"{start_of}/2/attributes/phone_number",
        f"{start_of}/3/attributes/nickname",
        f"{start_of}/3/attributes/first_name",
        f"{start_of}/4/attributes",
        f"{start_of}/5",
    ]
    assert {(e["code"], e["title"]) for e in answer.json()["errors"]} == {("invalid", "Invalid input.")}
    assert api.members() == []
    assert api.get("/api/profiles").json()["data"] == []
    assert api.get(IMPORTS).json()["data"] == []


def test_an_unknown_list_is_400_at_its_place(api: Api) -> None:
    answer = api.start_import([row(email="a@example.com")], api.make_list(), "nope")
    assert answer.status_code == 400
    assert pointers(answer) == ["/data/relationships/lists/data/1/id"]


def test_a_relationship_of_another_name_is_passed_over_and_not_echoed(api: Api) -> None:
    list_id = api.make_list()
    body = import_body([row(email="a@example.com")])
    body["data"]["relationships"] = {"list": {"data": {"type": "list", "id": list_id}}}
    answer = api.post(IMPORTS, body)
    assert answer.status_code == 202
    assert answer.json()["data"]["relationships"]["lists"]["data"] == []
    assert api.members() == []


def test_ten_thousand_rows_are_taken_and_one_more_is_not(api: Api) -> None:
    list_id = api.make_list()
    rows = [row(external_id=str(n)) for n in range(10_001)]
    too_many = api.start_import(rows, list_id)
    assert (too_many.status_code, pointers(too_many)) == (400, ["/data/attributes/profiles/data"])
    started_import(api, rows[:-1], list_id)
    assert len(api.members()) == 10_000


def test_a_profile_over_100_kilobytes_is_refused_at_its_place(api: Api) -> None:
    rows = [row(email="a@example.com"), row(email="b@example.com", properties={"essay": "x" * 100_000})]
    assert pointers(api.start_import(rows)) == ["/data/attributes/profiles/data/1"]


@pytest.mark.parametrize("profiles", [None, [], {}, {"data": None}, {"data": []}])
def test_an_import_of_nobody_is_400(api: Api, profiles: object) -> None:
    body = {"data": {"type": "profile-bulk-import-job", "attributes": {"profiles": profiles}}}
    assert api.post(IMPORTS, body).status_code == 400


def test_a_full_size_import_takes_well_under_a_second(api: Api) -> None:
    properties = {f"property_{n}": f"value {n}" for n in range(10)}
    rows = [row(email=f"person-{n}@example.com", first_name="Ada", properties=properties) for n in range(10_000)]
    body = orjson.dumps(import_body(rows, api.make_list()))
    assert 3_000_000 < len(body) < 5_000_000
    started = time.process_time()
    assert api.call("POST", IMPORTS, data=body).status_code == 202
    assert time.process_time() - started < 1
    assert len(api.members()) == 10_000
