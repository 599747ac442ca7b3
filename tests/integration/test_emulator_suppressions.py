from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.emulator_api import SUPPRESS, UNSUPPRESS, Api, bulk_body, first_error, pointers, row


def send(api: Api, path: str, *emails: str) -> dict[str, Any]:
    answer = api.post(path, bulk_body(path, [row(email=email) for email in emails]))
    assert answer.status_code == 202, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def list_job(api: Api, path: str, name: str, related_id: str) -> requests.Response:
    kind = path.removeprefix("/api/").removesuffix("s")
    related = {name: {"data": {"type": name, "id": related_id}}}
    return api.post(path, {"data": {"type": kind, "attributes": {}, "relationships": related}})


def counts(api: Api, path: str, job_id: str) -> tuple[str, int, int, int]:
    state = api.get(f"{path}/{job_id}").json()["data"]["attributes"]
    return state["status"], state["total_count"], state["completed_count"], state["skipped_count"]


def test_suppressing_makes_strangers_profiles_and_is_202_with_a_job_under_way(api: Api) -> None:
    job = send(api, SUPPRESS, "a@example.com")
    attributes = job["attributes"]
    assert (attributes["status"], attributes["total_count"], attributes["completed_at"]) == ("processing", 0, None)
    assert len(job["id"]) == 26
    assert job["links"]["self"] == f"{api.url}{SUPPRESS}/{job['id']}/"
    assert api.suppressions("a@example.com") == ["USER_SUPPRESSED"]
    assert counts(api, SUPPRESS, job["id"]) == ("complete", 1, 1, 0)


def test_unsuppressing_takes_back_what_a_user_did_and_nothing_else(api: Api) -> None:
    send(api, SUPPRESS, "a@example.com", "b@example.com")
    for reason in ("HARD_BOUNCE", "UNSUBSCRIBE", "SPAM_COMPLAINT", "INVALID_EMAIL"):
        api.control("suppress/a@example.com", {"reason": reason})
    send(api, UNSUPPRESS, "a@example.com", "b@example.com")
    left = ["HARD_BOUNCE", "UNSUBSCRIBE", "SPAM_COMPLAINT", "INVALID_EMAIL"]
    assert (api.suppressions("a@example.com"), api.suppressions("b@example.com")) == (left, [])


def test_who_is_in_the_wanted_state_already_or_unknown_is_counted_as_skipped(api: Api) -> None:
    send(api, SUPPRESS, "a@example.com")
    again = send(api, SUPPRESS, "a@example.com", "b@example.com")["id"]
    assert counts(api, SUPPRESS, again) == ("complete", 2, 1, 1)
    api.make_profile(email="c@example.com")
    back = send(api, UNSUPPRESS, "a@example.com", "c@example.com", "new@example.com")["id"]
    assert counts(api, UNSUPPRESS, back) == ("complete", 3, 1, 2)
    assert api.person("new@example.com") is None


def test_a_job_takes_its_time(api: Api) -> None:
    api.control("jobs", {"seconds": 60})
    job = send(api, SUPPRESS, "a@example.com")["id"]
    assert counts(api, SUPPRESS, job) == ("processing", 0, 0, 0)
    assert api.person("a@example.com") is None
    api.control("jobs", {"seconds": 0})
    assert counts(api, SUPPRESS, job) == ("complete", 1, 1, 0)


def test_the_members_of_a_list_are_suppressed_together(api: Api) -> None:
    list_id = api.make_list()
    api.start_import([row(email="a@example.com"), row(email="b@example.com")], list_id)
    job = list_job(api, SUPPRESS, "list", list_id).json()["data"]
    assert job["relationships"]["lists"]["data"] == [{"type": "list", "id": list_id}]
    assert counts(api, SUPPRESS, job["id"]) == ("complete", 2, 2, 0)
    assert api.suppressions("b@example.com") == ["USER_SUPPRESSED"]


@pytest.mark.parametrize("path", [SUPPRESS, UNSUPPRESS])
@pytest.mark.parametrize("name", ["list", "segment"])
def test_an_unknown_list_or_segment_is_400(api: Api, path: str, name: str) -> None:
    assert pointers(list_job(api, path, name, "nope")) == [f"/data/relationships/{name}/data/id"]


def test_addresses_and_a_list_exclude_each_other_and_nothing_is_too_little(api: Api) -> None:
    list_id = api.make_list()
    nobody = {"data": {"type": SUPPRESS[5:-1], "attributes": {}}}
    for body in (bulk_body(SUPPRESS, [row(email="a@example.com")], list_id), nobody):
        answer = api.post(SUPPRESS, body)
        assert (answer.status_code, pointers(answer)) == (400, ["/data"])
    assert api.person("a@example.com") is None


def test_only_addresses_are_taken_and_no_more_than_a_hundred(api: Api) -> None:
    rows = [row(email="a@example.com"), row(email="nope"), row(phone_number="+12025550123")]
    where = "/data/attributes/profiles/data"
    assert pointers(api.post(SUPPRESS, bulk_body(SUPPRESS, rows))) == [
        f"{where}/1/attributes/email",
        f"{where}/2/attributes/phone_number",
        f"{where}/2/attributes/email",
    ]
    many = [row(email=f"p{n}@example.com") for n in range(101)]
    assert pointers(api.post(SUPPRESS, bulk_body(SUPPRESS, many))) == [where]
    assert api.post(SUPPRESS, bulk_body(SUPPRESS, many[1:])).status_code == 202


def test_a_job_is_read_under_its_own_kind_only(api: Api) -> None:
    job = send(api, SUPPRESS, "a@example.com")["id"]
    for path in (f"{UNSUPPRESS}/{job}", f"{SUPPRESS}/nope", f"/api/profile-bulk-import-jobs/{job}"):
        answer = api.get(path)
        assert (answer.status_code, first_error(answer)["detail"]) == (404, "Invalid job id")
    assert api.get("/api/profile-bulk-import-jobs").json()["data"] == []
