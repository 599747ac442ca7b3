from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.emulator_api import IMPORTS, Api, first_error, import_body, row


def headers(**changes: str | None) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in changes.items()}


@pytest.mark.parametrize(
    ("authorization", "code", "detail"),
    [
        (None, "not_authenticated", "Missing or invalid authorization scheme/private key."),
        ("Bearer x", "not_authenticated", "Missing or invalid authorization scheme/private key."),
        ("Klaviyo-API-Key nope", "authentication_failed", "Incorrect authentication credentials."),
        ("Basic x", "not_authenticated", "Missing or invalid authorization scheme/private key."),
    ],
)
def test_a_call_without_a_good_key_is_401_and_shows_no_limits(
    api: Api, authorization: str | None, code: str, detail: str
) -> None:
    answer = api.call("GET", "/api/lists", headers=headers(Authorization=authorization))
    error = first_error(answer)
    assert answer.status_code == 401
    assert (error["code"], error["detail"], error["source"]) == (code, detail, {"pointer": "/data/"})
    assert "RateLimit-Limit" not in answer.headers


def test_an_access_token_is_accepted_once_it_is_switched_on(api: Api) -> None:
    bearer = {"Authorization": "Bearer some-token"}
    assert api.call("GET", "/api/lists", headers=bearer).status_code == 401
    api.control("keys", {"bearer": True})
    assert [api.call("GET", "/api/lists", headers=each).status_code for each in (bearer, {})] == [200, 200]
    api.control("keys", {"keys": [{"key": "some-token", "scopes": ["profiles:read"]}]})
    assert api.call("GET", "/api/profiles", headers=bearer).status_code == 200
    assert api.call("GET", "/api/lists", headers=bearer).status_code == 403
    api.control("reset")
    assert api.call("GET", "/api/lists", headers=bearer).status_code == 401


def test_a_body_that_is_refused_shows_the_limits(api: Api) -> None:
    for answer in (
        api.post("/api/lists", {}),
        api.call("POST", "/api/lists", data="x", headers={"Content-Type": "a/b"}),
    ):
        assert answer.headers["RateLimit-Limit"] == "10, 10;w=1, 150;w=60, 150;w=86400"


def test_counting_the_members_of_a_list_has_limits_of_its_own(api: Api) -> None:
    path = f"/api/lists/{api.make_list()}?additional-fields[list]=profile_count"
    answers = [api.call("GET", path) for _ in range(100)]
    assert {answer.headers.get("RateLimit-Limit") for answer in answers if answer.ok} == {"1, 1;w=1, 15;w=60"}
    assert any(answer.status_code == 429 for answer in answers)
    assert api.get("/api/lists").status_code == 200


def test_a_revoked_key_is_401(api: Api) -> None:
    api.control("keys", {"keys": [{"key": "pk_test", "revoked": True}]})
    answer = api.get("/api/lists")
    assert (answer.status_code, first_error(answer)["code"]) == (401, "authentication_failed")


def test_a_key_without_the_scope_is_403(api: Api) -> None:
    api.control("keys", {"keys": [{"key": "pk_test", "scopes": ["lists:read"]}]})
    assert api.get("/api/lists").status_code == 200
    answer = api.start_import([row(email="a@example.com")])
    error = first_error(answer)
    assert (answer.status_code, error["code"]) == (403, "permission_denied")
    assert error["title"] == "You do not have permission to perform this action."
    assert "lists:write, profiles:write" in error["detail"]


def test_a_future_or_missing_or_ancient_revision_is_400(api: Api) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    for revision, text in [
        (tomorrow, "unable to specify a future revision date"),
        ("2021-01-01", "before the earliest available, use a date after 2022-10-17"),
        (None, "a revision header is required, such as revision: 2026-10-15"),
    ]:
        answer = api.call("GET", "/api/lists", headers=headers(revision=revision))
        assert (answer.status_code, first_error(answer)["detail"]) == (400, text)


def test_a_retired_revision_is_410_for_who_opts_out(api: Api) -> None:
    opt_out = {"revision": "2023-01-24", "X-Klaviyo-Revision-Fall-Forward-Opt-Out": "1"}
    assert api.call("GET", "/api/lists", headers=opt_out).status_code == 410
    assert api.call("GET", "/api/lists", headers={"revision": "2023-01-24"}).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["application/vnd.api+json", "application/json", "application/json; charset=utf-8"]
)
def test_both_content_types_are_taken(api: Api, content_type: str) -> None:
    answer = api.call(
        "POST", IMPORTS, json=import_body([row(email="a@example.com")]), headers={"Content-Type": content_type}
    )
    assert answer.status_code == 202


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_415(api: Api, content_type: str) -> None:
    answer = api.call("POST", "/api/lists", data="{}", headers={"Content-Type": content_type})
    assert (answer.status_code, first_error(answer)["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/api/lists", "/api/lists/"])
def test_both_forms_of_a_path_are_taken_and_links_keep_klaviyos_slashes(api: Api, path: str) -> None:
    answer = api.post(path, {"data": {"type": "list", "attributes": {"name": "VIP"}}})
    document = answer.json()
    list_id = document["data"]["id"]
    assert answer.status_code == 201
    assert document["links"]["self"] == f"{api.url}/api/lists"
    assert document["data"]["links"]["self"] == f"{api.url}/api/lists/{list_id}/"
    profiles = document["data"]["relationships"]["profiles"]["links"]
    assert profiles["related"] == f"{api.url}/api/lists/{list_id}/profiles/"


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', "{}", '{"data": []}', '{"data": {"type": "segment"}}'])
def test_a_body_of_another_shape_is_400(api: Api, body: str) -> None:
    answer = api.call("POST", "/api/lists", data=body)
    assert answer.status_code == 400
    assert first_error(answer)["detail"] == "The payload provided in the request is invalid."


def test_an_unknown_operation_is_404_and_a_wrong_method_405(api: Api) -> None:
    unknown = api.get("/api/segments")
    told = "No valid revisions found for method (the emulator has no GET /api/segments, whatever the revision)"
    assert (unknown.status_code, first_error(unknown)["detail"]) == (404, told)
    wrong = api.call("PUT", "/api/lists")
    assert (wrong.status_code, first_error(wrong)["code"]) == (405, "method_not_allowed")


def test_an_error_object_has_all_its_parts(api: Api) -> None:
    answer = api.get("/api/lists/nope")
    error = first_error(answer)
    assert answer.headers["Content-Type"] == "application/vnd.api+json"
    assert re.fullmatch(r"[0-9a-f-]{36}", error.pop("id"))
    assert error == {
        "status": 404,
        "code": "not_found",
        "title": "Not found.",
        "detail": "A list with id `nope` does not exist.",
        "source": {"pointer": "/data/"},
        "links": {},
        "meta": {},
    }


def test_limits_are_shown_on_success_and_on_refusal_and_the_next_call_is_throttled(api: Api) -> None:
    api.control("limits", {"scale": 0.014})
    assert api.get("/api/lists").headers["RateLimit-Limit"] == "1, 1;w=1, 10;w=60"
    answers = [api.get("/api/lists/nope") for _ in range(12)]
    refused = next(answer for answer in answers if answer.status_code == 404)
    throttled = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["RateLimit-Remaining"] == "0"
    error = first_error(throttled)
    assert "RateLimit-Limit" not in throttled.headers
    assert int(throttled.headers["Retry-After"]) >= 1
    assert (error["code"], error["title"]) == ("throttled", "Request was throttled.")
    assert error["source"] == {"pointer": "/data"}
    assert error["links"]["type"].startswith("https://developers.klaviyo.com/")


def test_accounts_allow_one_call_a_second_for_each_account(api: Api) -> None:
    assert any(api.get("/api/accounts").status_code == 429 for _ in range(100))
    assert api.call("GET", "/api/accounts", headers={"Authorization": "Klaviyo-API-Key pk_b"}).status_code == 200


def test_limits_can_be_switched_off(api: Api) -> None:
    api.control("limits", {"off": True})
    assert {api.get("/api/accounts").status_code for _ in range(20)} == {200}


def test_a_body_over_5_megabytes_is_413_and_the_connection_goes_on(api: Api) -> None:
    answer = api.call("POST", IMPORTS, data=b" " * 5_000_001)
    assert (answer.status_code, first_error(answer)["code"]) == (413, "payload_too_large")
    assert api.get("/api/lists").status_code == 200


def test_an_address_over_8_kilobytes_is_414(api: Api) -> None:
    emails = ",".join(f'"{n:0>80}@example.com"' for n in range(100))
    answer = api.get("/api/profiles", filter=f"any(email,[{emails}])")
    assert (answer.status_code, first_error(answer)["code"]) == (414, "uri_too_long")
