"""What stands before every call stands before consent, events and deletions as well."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.emulator_api import (
    DELETE,
    EVENT,
    EVENTS,
    SUBSCRIBE,
    SUPPRESS,
    UNSUBSCRIBE,
    UNSUPPRESS,
    Api,
    bulk_body,
    deletion_body,
    entry,
    event,
    events_body,
    first_error,
    row,
    subscribed,
    unsubscribed,
)

ADA = row(email="a@example.com")
CONSENT = ("lists:write", "profiles:write", "subscriptions:write")
CALLS: dict[str, tuple[dict[str, Any], tuple[str, ...], tuple[int, int]]] = {
    SUBSCRIBE: (bulk_body(SUBSCRIBE, [subscribed("a@example.com")]), CONSENT, (75, 750)),
    UNSUBSCRIBE: (bulk_body(UNSUBSCRIBE, [unsubscribed("a@example.com")]), CONSENT, (75, 750)),
    SUPPRESS: (bulk_body(SUPPRESS, [ADA]), CONSENT[1:], (75, 750)),
    UNSUPPRESS: (bulk_body(UNSUPPRESS, [ADA]), CONSENT[2:], (75, 750)),
    EVENT: ({"data": event(profile={"data": ADA})}, ("events:write",), (350, 3_500)),
    EVENTS: (events_body(entry(ADA, event())), ("events:write",), (10, 150)),
    DELETE: (deletion_body(email="a@example.com"), ("data-privacy:write",), (3, 60)),
}
paths = pytest.mark.parametrize("path", CALLS)


@pytest.fixture(autouse=True)
def known(api: Api) -> None:
    """Somebody to delete."""
    api.make_profile(email="a@example.com")


@paths
def test_a_key_needs_every_scope_of_the_call_and_no_other(api: Api, path: str) -> None:
    body, scopes, _ = CALLS[path]
    for missing in scopes:
        api.control("keys", {"keys": [{"key": "pk_test", "scopes": [s for s in scopes if s != missing]}]})
        answer = api.post(path, body)
        assert (answer.status_code, first_error(answer)["code"]) == (403, "permission_denied")
        assert missing in first_error(answer)["detail"]
    api.control("keys", {"keys": [{"key": "pk_test", "scopes": list(scopes)}]})
    assert api.post(path, body).status_code == 202


@paths
def test_the_published_limits_are_shown_and_kept(api: Api, path: str) -> None:
    body, _, (burst, steady) = CALLS[path]
    shown = api.call("POST", path, json=body).headers["RateLimit-Limit"]
    assert shown == f"{burst}, {burst};w=1, {steady};w=60"
    api.control("limits", {"scale": 0.001})
    assert any(api.post(path, body).status_code == 429 for _ in range(100))


@paths
def test_both_forms_of_the_path_are_taken(api: Api, path: str) -> None:
    assert api.post(f"{path}/", CALLS[path][0]).status_code == 202


@paths
@pytest.mark.parametrize("header", ["Authorization", "revision"])
def test_key_and_revision_are_asked_for(api: Api, path: str, header: str) -> None:
    answer = api.call("POST", path, json=CALLS[path][0], headers={header: None})
    assert answer.status_code == {"Authorization": 401, "revision": 400}[header]


@paths
def test_faults_are_played_and_the_journal_notes_them(api: Api, path: str) -> None:
    api.control("faults", {"fault": "500", "match": {"path": path}})
    assert [api.post(path, CALLS[path][0]).status_code for _ in range(2)] == [500, 202]
    noted = [(call["path"], call["fault"]) for call in api.call("GET", "/_emulator/requests").json()]
    assert noted[-2:] == [(path, "500"), (path, None)]


@paths
def test_a_body_of_another_type_is_400(api: Api, path: str) -> None:
    answer = api.post(path, {"data": {"type": "segment", "attributes": {}}})
    assert (answer.status_code, first_error(answer)["source"]) == (400, {"pointer": "/data/type"})


@pytest.mark.parametrize("path", [SUPPRESS, UNSUPPRESS])
def test_reading_a_suppression_job_needs_the_scope_for_reading(api: Api, path: str) -> None:
    job = api.post(path, CALLS[path][0]).json()["data"]["id"]
    api.control("keys", {"keys": [{"key": "pk_test", "scopes": ["subscriptions:write"]}]})
    assert api.get(f"{path}/{job}").status_code == 403
    api.control("keys", {"keys": [{"key": "pk_test", "scopes": ["subscriptions:read"]}]})
    assert api.get(f"{path}/{job}").status_code == 200
