"""The running intake keeps to its OpenAPI document: schemathesis makes the requests, sound and unsound ones.

Their seed is fixed, and printed with a failure. What is stored of them is another test's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest
import requests
import schemathesis
from redis import Redis
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from configuration.settings import Token
from intake.openapi.document import document
from queues import keys
from queues.clock import now_ms
from tests.support import conforming
from tests.support.intake import TOKEN, Intake, known, running

SEED = 20_260_101
CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": SEED,
        # For each operation, besides the cases that follow from the document alone (the coverage phase).
        "generation": {"max-examples": 25, "deterministic": True},
        "checks": {"negative_data_rejection": {"expected-statuses": ["400", "401", "404", "413", "415"]}},
    }
)
OTHER, REVOKED = "6f1d2c9a8b7e4f30", "1111111111111111"
PATHS = {path.replace("{call}", "batch"): methods for path, methods in document()["paths"].items()}
OPERATIONS = [(method, path) for path, methods in PATHS.items() for method in methods]
CLOSED = [(method, path) for method, path in OPERATIONS if path.startswith("/v1/") and path != "/v1/m"]
REFUSED = {
    "none": {},
    "wrong": {"Authorization": f"Token {TOKEN[:-1]}7"},
    "revoked": {"Authorization": f"Bearer {REVOKED}"},
    "of another scheme": {"Authorization": f"Basic {TOKEN}"},
    "in another header": {"X-Authorization": f"Token {TOKEN}"},
    "in the cookie": {"Cookie": f"Authorization=Token {TOKEN}"},
}
#: Places of which no schema says what may stand there: no time to come, a template, somebody, a name for each list.
_BEYOND_IN_GROUP = (": its list", ".split: ", ": needs either", ": members[")
_GROUPS = tuple(f"$.groups[{index}]{what}" for index in range(5) for what in _BEYOND_IN_GROUP)
BEYOND_A_SCHEMA = ("?at: ", "$.list_name: ", "$.launch_at: ", "$.exclusions[", *_GROUPS)
#: Answers of each operation after which schemathesis asks again, without a token and with a wrong one: whether a token
#: is needed is a property of the operation, and tests below look closer.
PROBED = 5
#: Of the columns and lines of a file no schema says anything.
FILES = ("text/csv", "application/x-ndjson")
#: Of a number anywhere, also in what a sender may add: JSON Schema knows no digits.
TOO_LARGE = "a number of over 100 digits"
operations = schemathesis.openapi.from_dict(document(), config=CONFIG)


@schemathesis.serializer("application/x-ndjson", "text/csv")
def lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Text as it is; of what should have been text and is not, its Python form."""
    return str(value).encode("utf-8", "replace")


@operations.hook
def map_body(_context: schemathesis.HookContext, body: Any) -> Any:
    """1.0 is an integer to JSON Schema, and a float to Ferry, which no CDP sends for one."""
    if isinstance(body, dict):
        return {name: map_body(_context, value) for name, value in body.items()}
    if isinstance(body, list):
        return [map_body(_context, value) for value in body]
    return int(body) if isinstance(body, float) and body.is_integer() else body


@pytest.fixture(scope="module")
def intake(redis_server: str) -> Iterator[Intake]:
    """One that finds everything as it should be, so that no 503 need be excused."""
    tokens = (Token("mparticle", TOKEN), Token("backoffice", OTHER))
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
        redis.config_set("appendonly", "yes")
        redis.set(keys.HEARTBEAT, now_ms() + 3_600_000)
        with running(known(redis_server, tokens=tokens, secret_keys=("a secret of the installation",))) as started:
            yield started
        redis.config_set("appendonly", "no")


@pytest.mark.parametrize("label", conforming.labels(document()))
def test_every_operation_keeps_to_the_document(intake: Intake, label: str) -> None:
    print(f"schemathesis' seed is {SEED}")  # noqa: T201  # pytest shows it with a failure
    with requests.Session() as session:
        session.trust_env = False  # looking for proxies takes longer than some requests
        keeps = partial(_keeps, intake=intake, session=session, taken=count(1))
        conforming.check(operations, label, keeps)


def _keeps(case: conforming.Case, intake: Intake, session: requests.Session, taken: Iterator[int]) -> None:
    response = case.call(base_url=intake.url, session=session, headers={"Authorization": f"Token {TOKEN}"})
    excluded: list[Any] = [negative_data_rejection]
    if response.status_code < 300 and next(taken) > PROBED:
        excluded.append(ignored_auth)
    if response.status_code == 400:
        description = response.json()["error"]["description"]
        is_file = case.operation.path.endswith("/members") and case.media_type in FILES
        if is_file or description.startswith(BEYOND_A_SCHEMA) or TOO_LARGE in description:
            excluded.append(positive_data_acceptance)
    case.validate_response(response, excluded_checks=excluded)
    # Unsound people and changes are kept as dead letters beside sound ones, and only Ferry's own form tells of them.
    told = response.status_code == 202 and response.json().get("rejected")
    if case.operation.path == "/v1/changes" and not told:
        case.validate_response(response, checks=[negative_data_rejection])


#: Something to all that take something, and to those that take nothing unknown.
BODY = b'{"type":"audience_membership_change_request","changes":[]}'
BODIES = {
    "/v1/campaigns": b'{"name":"x","groups":[{"name":"y","members":[]}]}',
    "/v1/audiences/{audience}/members": b'[{"email":"ann@example.com"}]',
}


def answer(intake: Intake, method: str, path: str, headers: dict[str, str]) -> requests.Response:
    body = BODIES.get(path, BODY) if method in ("post", "put") else None
    return requests.request(method, intake.url + path, data=body, headers=headers, timeout=30)


@pytest.mark.parametrize("token", [TOKEN, OTHER])
@pytest.mark.parametrize("scheme", ["Token", "Bearer"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_lets_each_token_in(intake: Intake, method: str, path: str, scheme: str, token: str) -> None:
    headers = {"Authorization": f"{scheme} {token}", "Content-Type": "application/json"}
    response = answer(intake, method, path, headers)
    assert response.status_code in ((404,) if "{snapshot}" in path else (200, 202))


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_every_operation_that_takes_something_refuses_everybody_else(
    intake: Intake, method: str, path: str, headers: dict[str, str]
) -> None:
    response = answer(intake, method, path, headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"]
    assert response.json()["error"]["title"] == "A valid token is needed"


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
@pytest.mark.parametrize("body", ["{}", '{"id":"x"}', '{"type":"event_processing_request"}', '"x"', "[]", "\xff", ""])
def test_without_a_token_nothing_but_a_registration_is_looked_at(intake: Intake, body: str, encoding: str) -> None:
    response = intake.post("/v1/mparticle", body.encode("latin-1"), token="", Content_Encoding=encoding)
    assert response.status_code == 401
    response = intake.post("/v1/mparticle", b'{"type":"module_registration_request"}', token="")
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/changes", "/admin/ann@example.com", "/docs/../v1/changes?ann=1"])
def test_an_unknown_address_is_answered_without_detail(intake: Intake, path: str) -> None:
    session = requests.Session()
    for headers in ({}, {"Authorization": f"Token {TOKEN}"}):
        prepared = requests.Request("GET", intake.url, headers=headers).prepare()
        prepared.url = intake.url + path  # as it is, with its dots
        response = session.send(prepared, timeout=30)
        assert response.status_code == 404
        assert not any(word in response.text for word in ("ann", "v2", "admin", "Traceback"))
