"""What decides who is mailed is read strictly: a misspelt name is refused, and the one that was meant is told."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import requests
from redis import Redis

from intake.mparticle import settings
from tests.support.intake import TOKEN, Intake
from tests.support.posted import PATH, membership

CSV = b"email\na@example.com\n"
MEMBERS, SYNCS, SYNC = ("/v1/audiences/42/members", "/v1/audiences/42/syncs", "/v1/audiences/42/syncs/x")
CAMPAIGN = {"name": "Summer", "groups": [{"name": "A", "members": [{"email": "a@example.com"}]}]}
CHANGE = {"changes": [{"action": "add", "email": "a@example.com", "audience": {"id": 42}}]}
#: For each address what is sent there.
SOUND: list[tuple[str, str, Any]] = [
    ("POST", "/v1/changes", CHANGE),
    ("POST", "/v1/segment", {"type": "identify", "userId": "1", "traits": {"email": "a@example.com"}}),
    ("POST", "/v1/t", {"userId": "1", "event": "Played"}),
    ("POST", "/v1/batch/", {"batch": [{"type": "identify", "userId": "1"}]}),
    ("POST", PATH, membership("a@example.com")),
    ("POST", "/v1/campaigns", CAMPAIGN),
    ("PUT", MEMBERS, CSV),
    ("GET", SYNCS, None),
    ("GET", SYNC, None),
]


def ask(intake: Intake, method: str, path: str, body: Any) -> requests.Response:
    kind = "text/csv" if isinstance(body, bytes) else "application/json"
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": kind}
    sent = {"data": body} if isinstance(body, bytes) else {"json": body} if body else {}
    return requests.request(method, intake.url + path, headers=headers, timeout=30, **sent)


def refusal(intake: Intake, redis: Redis, method: str, path: str, body: Any) -> str:
    response = ask(intake, method, path, body)
    assert response.status_code == 400, response.text
    assert redis.keys() == []
    return str(response.json()["error"]["description"])


@pytest.mark.parametrize(("method", "path", "body"), SOUND)
@pytest.mark.parametrize("name", ["colour", "Connection", "connexion", "audiance", ""])
def test_an_address_with_an_unknown_parameter_is_refused_and_nothing_stored(
    steady: Intake, redis: Redis, method: str, path: str, body: Any, name: str
) -> None:
    assert "unknown; " in refusal(steady, redis, method, f"{path}?{name}=1", body)


@pytest.mark.parametrize(
    ("method", "path", "query", "told"),
    [
        ("POST", "/v1/changes", "conection=default&audience=1", "?conection: unknown; did you mean connection?"),
        ("POST", "/v1/changes", "audience_id=1", "?audience_id: unknown; did you mean audience?"),
        ("POST", "/v1/segment", "connections=default", "?connections: unknown; did you mean connection?"),
        ("POST", "/v1/t", "writeKey=x", "?writeKey: unknown"),
        ("PUT", MEMBERS, "row=1", "?row: unknown; did you mean rows?"),
        ("PUT", MEMBERS, "confirmed=true", "?confirmed: unknown; did you mean confirm?"),
        ("PUT", MEMBERS, "Reconcile=true", "?Reconcile: unknown; did you mean reconcile?"),
        ("PUT", MEMBERS, "exclusions=a", "?exclusions: unknown; known names: connection, name, at, rows, confirm"),
        ("GET", SYNCS, "conn=default", "?conn: unknown; known names: connection"),
        ("POST", PATH, "connection=default", "?connection: unknown; no names are allowed here"),
        ("POST", "/v1/campaigns", "connection=default", "?connection: unknown; no names are allowed here"),
        ("PUT", MEMBERS, "ann%40example.com=1", "?(a name of 15 characters): unknown"),
        ("POST", "/v1/changes", "audience=1&audience=2", "?audience: appears twice, and an address does not define"),
        ("POST", "/v1/segment", "connection=default&connection=", "?connection: appears twice"),
        ("POST", "/v1/batch/", "connection=default&connection=", "?connection: appears twice"),
        ("PUT", MEMBERS, "confirm=false&confirm=true", "?confirm: appears twice"),
    ],
)
def test_the_parameter_that_was_meant_is_told(
    steady: Intake, redis: Redis, method: str, path: str, query: str, told: str
) -> None:
    body = next(each for verb, known, each in SOUND if (verb, known) == (method, path))
    assert refusal(steady, redis, method, f"{path}?{query}", body).startswith(told)


@pytest.mark.parametrize(("method", "path", "body"), SOUND)
def test_without_one_everything_goes_through(steady: Intake, redis: Redis, method: str, path: str, body: Any) -> None:
    assert ask(steady, method, path, body).status_code in ((404,) if path == SYNC else (200, 202))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (CAMPAIGN | {"exclusion": [{"email": "a@example.com"}]}, "$.exclusion: unknown; did you mean exclusions?"),
        (CAMPAIGN | {"excludes": []}, "$.excludes: unknown; did you mean exclusive or exclusions?"),
        (CAMPAIGN | {"conection": "default"}, "$.conection: unknown; did you mean connection?"),
        (CAMPAIGN | {"launchAt": "2030-01-01"}, "$.launchAt: unknown; did you mean launch_at?"),
        (CAMPAIGN | {"listName": "x"}, "$.listName: unknown; did you mean list_name?"),
        (CAMPAIGN | {"list": "merged"}, "$.list: unknown; did you mean lists?"),
        (
            CAMPAIGN | {"groups": [{"name": "A", "members": [], "exclusions": []}]},
            "$.groups[0].exclusions: unknown; known names: name, members",
        ),
    ],
)
def test_a_campaign_with_an_unknown_name_is_refused_and_nobody_mailed(
    steady: Intake, redis: Redis, body: Any, told: str
) -> None:
    assert refusal(steady, redis, "POST", "/v1/campaigns", body).startswith(told)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (CHANGE | {"connection": "brand-b"}, "$.connection: unknown"),
        (CHANGE | {"audiance": {"id": 1}}, "$.audiance: unknown; did you mean audience?"),
    ],
)
def test_a_request_of_changes_with_an_unknown_name_is_refused(
    steady: Intake, redis: Redis, body: Any, told: str
) -> None:
    assert refusal(steady, redis, "POST", "/v1/changes", body).startswith(told)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"connection": "brand-b"}, "$.changes[0].connection: unknown"),
        ({"emial": "b@example.com"}, "$.changes[0].emial: unknown; did you mean email?"),
        ({"Attributes": {"plan": "gold"}}, "$.changes[0].Attributes: unknown; did you mean attributes?"),
    ],
)
def test_a_change_with_an_unknown_name_is_refused_by_itself_and_the_others_go_through(
    steady: Intake, redis: Redis, wrong: dict[str, Any], told: str
) -> None:
    sound = {"action": "add", "email": "a@example.com", "audience": {"id": 42}}
    answer = ask(steady, "POST", "/v1/changes", {"changes": [sound | wrong, sound]})
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    (rejected,) = answer.json()["rejected"]
    assert told in str(rejected)


def test_what_a_sender_tells_besides_is_ignored(steady: Intake) -> None:
    more = {"location": "x", "source": "shop", "telephone_type": 1}
    sound = {"action": "add", "email": "a@example.com", "audience": {"id": 42}}
    answer = ask(steady, "POST", "/v1/changes", {"batch": 1, "changes": [sound | more]})
    assert (answer.status_code, answer.json()["rejected"]) == (202, [])


def test_a_setting_of_mparticles_that_is_unknown_is_ignored_and_told_once(
    intake: Intake, redis: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a process has told of it does not tell again, and other tests share the process.
    monkeypatch.setattr(settings, "_logged", set())
    account: dict[str, Any] = {
        "account_id": 123456,
        "account_settings": {"defaultCountri": "DE", "ann@example.com": "x"},
    }
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert intake.post(PATH, membership("a@example.com", account=account)).status_code == 202
            account["account_id"] = 123457
    told = [line for line in caplog.messages if "is ignored: " in line]
    assert len(told) == 2
    assert "(a name of 15 characters): unknown; known names: alternateIdentifier, apiKey, defaultCountry" in told[0]
    assert told[1].endswith("defaultCountri: unknown; did you mean defaultCountry?")
    assert "ann@" not in caplog.text
