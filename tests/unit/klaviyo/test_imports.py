"""Bulk imports: the body, the echo of the list, the job and its errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import responses

from klaviyo.errors import NotAccepted
from klaviyo.imports import LIST_NOT_ECHOED, ImportJob, RowFailure
from klaviyo.outcomes import UNEXPECTED, Bisect, Gone, Outcome, RowError, Rows
from tests.support.answered import URL, client, sent_body

JOBS = f"{URL}/api/profile-bulk-import-jobs"
ROWS = [
    b'{"type":"profile","attributes":{"email":"ada@example.com"}}',
    b'{"type":"profile","attributes":{"email":"bob@example.com"},"meta":{}}',
]
EXPIRES = datetime(2026, 9, 11, 13, 40, tzinfo=UTC)


def job(lists: Any = (), **attributes: Any) -> dict[str, Any]:
    """A job in the form of a live answer."""
    return {
        "data": {
            "type": "profile-bulk-import-job",
            "id": "job-1",
            "attributes": {
                "status": "queued",
                "created_at": "2026-09-04T13:40:00+00:00",
                "total_count": 2,
                "completed_count": 0,
                "failed_count": 0,
                "completed_at": None,
                "expires_at": "2026-09-11T13:40:00+00:00",
                "started_at": None,
                **attributes,
            },
            "relationships": {
                "lists": {"data": [{"type": "list", "id": one} for one in lists], "links": {"self": "x"}},
                "import-errors": {"links": {"related": "x"}},
            },
            "links": {"self": f"{JOBS}/job-1/"},
        },
        "links": {"self": JOBS},
    }


@responses.activate
def test_rows_go_into_the_body_as_they_are_with_the_list_beside_the_attributes() -> None:
    responses.post(JOBS, status=202, json=job(["L1"]))
    started = client().import_profiles(ROWS, "L1")
    assert started == ImportJob("job-1", "queued", 2, 0, 0, EXPIRES)
    assert sent_body() == {
        "data": {
            "type": "profile-bulk-import-job",
            "attributes": {"profiles": {"data": [json.loads(row) for row in ROWS]}},
            "relationships": {"lists": {"data": [{"type": "list", "id": "L1"}]}},
        }
    }


@responses.activate
def test_an_import_without_a_list_names_none() -> None:
    responses.post(JOBS, status=202, json=job())
    assert client().import_profiles(ROWS, None).id == "job-1"
    assert "relationships" not in sent_body()["data"]


@pytest.mark.parametrize(
    "answer",
    [job(["L2"]), job(), {"data": {"id": "job-1", "attributes": {"status": "queued"}}}],
    ids=["another list", "no list", "no relationships"],
)
@responses.activate
def test_a_202_that_does_not_name_our_list_is_not_success(answer: dict[str, Any]) -> None:
    responses.post(JOBS, status=202, json=answer)
    assert refusal_of_import() == LIST_NOT_ECHOED


@pytest.mark.parametrize("answer", [{"data": {"id": "job-1"}}, {"data": {}}, {"data": None}, job(total_count="2")])
@responses.activate
def test_a_202_without_a_job_is_not_success(answer: dict[str, Any]) -> None:
    responses.post(JOBS, status=202, json=answer)
    assert refusal_of_import() == UNEXPECTED


@responses.activate
def test_rows_that_were_not_sent_are_not_blamed() -> None:
    responses.post(JOBS, status=400, json=refused(1, 2))
    assert refusal_of_import() == Rows((RowError(1, "invalid", "d", pointer(1), "e"),))


@responses.activate
def test_an_answer_that_blames_only_rows_that_were_not_sent_leads_to_halving() -> None:
    responses.post(JOBS, status=400, json=refused(2, 40))
    assert refusal_of_import() == Bisect("invalid", "d", pointer(2), "e")


@responses.activate
def test_a_job_that_klaviyo_says_little_about_is_still_a_job() -> None:
    unsaid = {"total_count": None, "completed_count": None, "failed_count": None, "expires_at": None}
    responses.get(f"{JOBS}/job-1", json=job(**unsaid))
    assert client().import_job("job-1") == ImportJob("job-1", "queued", 0, 0, 0, None)


@responses.activate
def test_a_job_that_klaviyo_has_forgotten_is_gone() -> None:
    responses.get(f"{JOBS}/job-1", status=404, json={"errors": [{"id": "e", "code": "not_found"}]})
    with pytest.raises(NotAccepted) as refusal:
        client().import_job("job-1")
    assert refusal.value.outcome == Gone("e")


@responses.activate
def test_errors_of_a_job_tell_what_can_be_matched_back() -> None:
    payload = {"email": "ada@example.com"}
    pages = [
        {"data": [import_error("a", original_payload=payload)], "links": {"next": f"{JOBS}/job-1/import-errors?p=2"}},
        {"data": [import_error("b", source={"pointer": pointer(7)}), {"id": "c", "attributes": {}}]},
    ]
    for page in pages:
        responses.get(f"{JOBS}/job-1/import-errors", json=page)
    failures = list(client().import_errors("job-1"))
    assert failures == [
        RowFailure("invalid", "ada@example.com is bad", payload, None, "a"),
        RowFailure("invalid", "ada@example.com is bad", None, 7, "b"),
        RowFailure("", "", None, None, "c"),
    ]
    assert "ada" not in repr(failures)


def pointer(index: int) -> str:
    return f"/data/attributes/profiles/data/{index}/attributes/email"


def refused(*indexes: int) -> dict[str, Any]:
    errors = [{"id": "e", "code": "invalid", "detail": "d", "source": {"pointer": pointer(index)}} for index in indexes]
    return {"errors": errors}


def import_error(error_id: str, **attributes: Any) -> dict[str, Any]:
    common = {"code": "invalid", "title": "t", "detail": "ada@example.com is bad", "source": {"pointer": "/data"}}
    return {"type": "import-error", "id": error_id, "attributes": common | attributes}


def refusal_of_import() -> Outcome:
    with pytest.raises(NotAccepted) as refusal:
        client().import_profiles(ROWS, "L1")
    return refusal.value.outcome
