"""The emulator's answers to what belongs to an import job or to a profile."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.world import World
from tests.support.emulated import serving
from tests.support.emulator_api import DELETE, IMPORTS, Api, deletion_body, first_error, row


@pytest.fixture(autouse=True)
def without_limits(api: Api) -> None:
    api.control("limits", {"off": True})


def start(api: Api, rows: list[Any], *list_ids: str) -> str:
    return str(api.start_import(rows, *list_ids).json()["data"]["id"])


def emails(answer: Any) -> list[str]:
    return [profile["attributes"]["email"] for profile in answer.json()["data"]]


def ids(answer: Any) -> list[str]:
    return [item["id"] for item in answer.json()["data"]]


def test_those_whom_a_job_wrote_come_once_each_in_the_order_of_its_rows(api: Api) -> None:
    api.make_profile(email="b@example.com")
    rows = [row(email=f"{name}@example.com") for name in ("c", "b", "a", "b", "fail+x")]
    job_id = start(api, rows)
    api.start_import([row(email="d@example.com")])
    shown = api.get(f"{IMPORTS}/{job_id}/profiles")
    assert emails(shown) == ["c@example.com", "b@example.com", "a@example.com"]
    assert ids(api.get(f"{IMPORTS}/{job_id}/relationships/profiles")) == ids(shown)


def test_they_are_shown_as_they_are_now_and_without_the_deleted(api: Api) -> None:
    job_id = start(api, [row(email="a@example.com"), row(email="b@example.com")])
    ann, bob = ids(api.get(f"{IMPORTS}/{job_id}/profiles"))
    change = {"data": {"type": "profile", "id": ann, "attributes": {"email": "new@example.com"}}}
    assert api.call("PATCH", f"/api/profiles/{ann}", json=change).status_code == 200
    api.post(DELETE, deletion_body(bob))
    assert emails(api.get(f"{IMPORTS}/{job_id}/profiles")) == ["new@example.com"]


def test_they_come_in_pages(api: Api) -> None:
    job_id = start(api, [row(email=f"p{number}@example.com") for number in range(130)])
    for path in ("profiles", "relationships/profiles"):
        assert len(api.get(f"{IMPORTS}/{job_id}/{path}").json()["data"]) == 20
        found = api.pages(f"{IMPORTS}/{job_id}/{path}", page_size="100")
        assert len(found) == len({item["id"] for item in found}) == 130
        assert (
            first_error(api.get(f"{IMPORTS}/{job_id}/{path}", page_size="101"))["source"]["parameter"] == "page[size]"
        )


def test_nobody_is_shown_before_the_job_is_complete() -> None:
    clock, world = [1_800_000_000.0], World(job_seconds=10, limits_off=True)
    world.now = lambda: clock[0]
    with serving(world) as url, Api(url) as api:
        job_id = start(api, [row(email="a@example.com")])
        assert emails(api.get(f"{IMPORTS}/{job_id}/profiles")) == []
        clock[0] += 10
        assert emails(api.get(f"{IMPORTS}/{job_id}/profiles")) == ["a@example.com"]


def test_consents_and_fields_are_shown_as_they_are_asked_for(api: Api) -> None:
    job_id = start(api, [row(email="a@example.com", title="Dr")])
    query = {"fields[profile]": "email,subscriptions", "additional-fields[profile]": "subscriptions"}
    (person,) = api.call("GET", f"{IMPORTS}/{job_id}/profiles", params=query).json()["data"]
    assert person["attributes"].keys() == {"email", "subscriptions"}


def test_the_lists_of_a_job_are_those_it_adds_to(api: Api) -> None:
    first, second, deleted = (api.make_list(name) for name in ("A", "B", "C"))
    job_id = start(api, [row(email="a@example.com")], first, second, deleted)
    api.call("DELETE", f"/api/lists/{deleted}")
    shown = api.get(f"{IMPORTS}/{job_id}/lists").json()["data"]
    assert [(item["type"], item["id"], item["attributes"]["name"]) for item in shown] == [
        ("list", first, "A"),
        ("list", second, "B"),
    ]
    document = api.get(f"{IMPORTS}/{job_id}/relationships/lists").json()
    assert document["data"] == [{"type": "list", "id": first}, {"type": "list", "id": second}]
    assert (document["links"]["next"], document["links"]["prev"]) == (None, None)


def test_the_lists_of_a_person_are_those_they_are_on(api: Api) -> None:
    first, _, second = (api.make_list(name) for name in ("A", "B", "C"))
    api.start_import([row(email="a@example.com")], first, second)
    (profile_id,) = ids(api.get("/api/profiles", filter='equals(email,"a@example.com")'))
    shown = api.get(f"/api/profiles/{profile_id}/lists").json()["data"]
    assert [item["attributes"]["name"] for item in shown] == ["A", "C"]
    assert api.get(f"/api/profiles/{profile_id}/relationships/lists").json()["data"] == [
        {"type": "list", "id": first},
        {"type": "list", "id": second},
    ]


@pytest.mark.parametrize("what", ["lists", "relationships/lists"])
def test_a_person_on_no_list_has_none_and_an_unknown_one_is_not_found(api: Api, what: str) -> None:
    profile_id = api.make_profile(email="a@example.com")
    assert api.get(f"/api/profiles/{profile_id}/{what}").json()["data"] == []
    assert first_error(api.get(f"/api/profiles/nobody/{what}"))["code"] == "not_found"


@pytest.mark.parametrize("what", ["profiles", "relationships/profiles", "lists", "relationships/lists"])
def test_a_job_that_nobody_knows_is_not_found(api: Api, what: str) -> None:
    error = first_error(api.get(f"{IMPORTS}/no-such-job/{what}"))
    assert (error["code"], error["detail"]) == ("not_found", "Invalid job id")


def test_the_links_of_jobs_and_profiles_lead_there(api: Api) -> None:
    job = api.start_import([row(email="a@example.com")], api.make_list()).json()["data"]
    (person,) = api.get(f"{IMPORTS}/{job['id']}/profiles").json()["data"]
    links = [job["relationships"][name]["links"] for name in ("lists", "profiles")]
    links.append(person["relationships"]["lists"]["links"])
    for each in links:
        assert [api.session.get(each[name], timeout=30).status_code for name in ("self", "related")] == [200, 200]
