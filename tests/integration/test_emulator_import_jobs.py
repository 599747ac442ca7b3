from __future__ import annotations

import base64
import re
from datetime import datetime, timedelta
from typing import Any

from emulator.world import World
from tests.support.emulated import serving
from tests.support.emulator_api import IMPORTS, Api, first_error, row, started_import


def job_state(api: Api, job_id: str) -> dict[str, Any]:
    answer = api.get(f"{IMPORTS}/{job_id}")
    assert answer.status_code == 200, answer.text
    attributes: dict[str, Any] = answer.json()["data"]["attributes"]
    return attributes


def test_a_job_id_is_url_safe_text_of_account_time_and_noise(api: Api) -> None:
    job_id = started_import(api, [row(email="a@example.com")])
    text = base64.urlsafe_b64decode(job_id + "==").decode()
    assert len(job_id) == 58
    assert re.fullmatch(r"[A-Za-z0-9]{6}_maintenance\.[A-Za-z0-9]{6}\.\d{10}\.[A-Za-z0-9]{6}", text)


def test_later_the_times_have_microseconds_and_the_job_expires_after_seven_days(api: Api) -> None:
    state = job_state(api, started_import(api, [row(email="a@example.com")]))
    created, expires = (datetime.fromisoformat(state[name]) for name in ("created_at", "expires_at"))
    assert re.search(r"\.\d{6}\+00:00$", state["created_at"])
    assert expires - created == timedelta(days=7)


def test_a_job_runs_from_queued_to_complete_while_one_waits() -> None:
    clock, world = [1_800_000_000.0], World(job_seconds=10, limits_off=True)
    world.now = lambda: clock[0]
    seen: list[tuple[str, int]] = []
    with serving(world) as url, Api(url) as api:
        job_id = started_import(api, [row(email=f"p{n}@example.com") for n in range(50)], api.make_list())
        for _ in range(12):
            state = job_state(api, job_id)
            seen.append((state["status"], state["completed_count"]))
            assert len(api.members()) == (50 if state["status"] == "complete" else 0)
            clock[0] += 1
    assert seen[0] == ("queued", 0)
    assert {status for status, _ in seen} == {"queued", "processing", "complete"}
    assert [count for _, count in seen] == sorted(count for _, count in seen)
    assert seen[-1] == ("complete", 50)


def test_import_errors_come_in_pages_with_the_payload_as_it_was_sent(api: Api) -> None:
    rows = [row(email=f"fail+code_{n}@example.com", title="x") for n in range(130)]
    job_id = started_import(api, [*rows, row(email="a@example.com")])
    state = job_state(api, job_id)
    assert (state["status"], state["completed_count"], state["failed_count"]) == ("complete", 1, 130)
    assert len(api.get(f"{IMPORTS}/{job_id}/import-errors").json()["data"]) == 20
    errors = api.pages(f"{IMPORTS}/{job_id}/import-errors", page_size="100")
    assert [error["attributes"]["code"] for error in errors] == [f"code_{n}" for n in range(130)]
    first = errors[0]
    assert first["type"] == "import-error"
    assert first["attributes"]["source"] == {"pointer": "/data"}
    assert first["attributes"]["original_payload"] == {"email": "fail+code_0@example.com", "title": "x"}


def test_a_job_without_errors_has_an_empty_page_of_them(api: Api) -> None:
    job_id = started_import(api, [row(email="a@example.com")])
    document = api.get(f"{IMPORTS}/{job_id}/import-errors").json()
    assert document["data"] == []
    assert (document["links"]["next"], document["links"]["prev"]) == (None, None)


def test_jobs_are_listed_by_status_and_time_and_include_their_lists(api: Api) -> None:
    list_id = api.make_list("VIP")
    first, second = (
        started_import(api, [row(email="a@example.com")], list_id),
        started_import(api, [row(email="b@example.com")]),
    )
    api.control("jobs", {"seconds": 60})
    waiting = started_import(api, [row(email="c@example.com")])

    def listed(**query: str) -> list[str]:
        return [job["id"] for job in api.get(IMPORTS, **query).json()["data"]]

    assert listed(sort="created_at") == [first, second, waiting]
    assert listed(sort="-created_at", page_size="2") == [waiting, second]
    assert listed(filter='equals(status,"complete")') == [first, second]
    assert listed(filter='any(status,["queued"])') == [waiting]
    included = api.get(f"{IMPORTS}/{first}", include="lists").json()["included"]
    assert [item["attributes"]["name"] for item in included] == ["VIP"]


def test_an_unknown_or_expired_job_is_404(api: Api) -> None:
    job_id = started_import(api, [row(email="a@example.com")])
    api.control("jobs", {"lifetime_seconds": 0})
    for path in (f"{IMPORTS}/nope", f"{IMPORTS}/{job_id}", f"{IMPORTS}/{job_id}/import-errors"):
        answer = api.get(path)
        assert (answer.status_code, first_error(answer)["detail"]) == (404, "Invalid job id")


def test_a_cancelled_job_says_so_and_imports_nobody(api: Api) -> None:
    api.control("jobs", {"seconds": 60})
    job_id = started_import(api, [row(email="a@example.com")], api.make_list())
    api.control("jobs", {"seconds": 0, "cancel": True})
    assert job_state(api, job_id)["status"] == "cancelled"
    assert (api.members(), api.person("a@example.com")) == ([], None)
