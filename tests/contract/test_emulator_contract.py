"""The emulator keeps to its contract, and the contract to the models of the official SDK: each operation in turn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import openapi_client
import pytest
import requests

from emulator.contract import DOCUMENTED, REVISED, Operation, contract, document
from tests.support.emulator_api import (
    Api,
    bulk_body,
    deletion_body,
    entry,
    event,
    events_body,
    first_error,
    import_body,
    references,
    row,
    subscribed,
    unsubscribed,
)
from tests.support.sdk_models import form

CALLS = contract(REVISED).operations
BODIES = {
    call: each["body"] for each in document(REVISED)["operations"].values() if (call := each["call"]) and "body" in each
}
every = pytest.mark.parametrize("call", CALLS)
reading = pytest.mark.parametrize("call", [call for call, operation in CALLS.items() if operation.fields])
filtering = pytest.mark.parametrize("call", [call for call, operation in CALLS.items() if operation.filter])
writing = pytest.mark.parametrize("call", BODIES)

NOTHING = {"type": "profile", "attributes": {}}


@pytest.fixture
def subjects(api: Api) -> dict[str, str]:
    """Something to name in each path, by the words that lead to it."""
    person, list_id = api.make_profile(email="a@example.com"), api.make_list()
    api.post("/api/events", {"data": event(profile={"data": row(email="a@example.com")})})
    jobs = [
        api.post(f"/api/{path}s", bulk_body(f"/api/{path}s", [row(email="a@example.com")])) for path in SUPPRESSIONS
    ]
    return {
        "accounts": api.get("/api/accounts").json()["data"][0]["id"],
        "lists": list_id,
        "profiles": person,
        "events": api.get("/api/events").json()["data"][0]["id"],
        "metrics": api.get("/api/metrics").json()["data"][0]["id"],
        "profile-bulk-import-jobs": api.start_import([row(email="a@example.com")]).json()["data"]["id"],
        **{f"{path}s": job.json()["data"]["id"] for path, job in zip(SUPPRESSIONS, jobs, strict=True)},
    }


SUPPRESSIONS = ("profile-suppression-bulk-create-job", "profile-suppression-bulk-delete-job")


def body_of(call: str, subjects: dict[str, str]) -> Any:
    """A body that is accepted."""
    path = call.partition(" ")[2]
    kind = path.removeprefix("/api/")
    ada = row(email="a@example.com")
    bodies: dict[str, Any] = {
        "lists": {"data": {"type": "list", "attributes": {"name": "VIP"}}},
        "lists/{id}": {"data": {"type": "list", "id": subjects["lists"], "attributes": {"name": "VIP"}}},
        "lists/{id}/relationships/profiles": references(subjects["profiles"]),
        "profiles": {"data": row(email="b@example.com")},
        "profiles/{id}": {"data": {**row(title="Dr"), "id": subjects["profiles"]}},
        "profile-import": {"data": ada},
        "profile-bulk-import-jobs": import_body([ada], subjects["lists"]),
        "profile-subscription-bulk-create-jobs": bulk_body(path, [subscribed("a@example.com")], subjects["lists"]),
        "profile-subscription-bulk-delete-jobs": bulk_body(path, [unsubscribed("a@example.com")], subjects["lists"]),
        "profile-suppression-bulk-create-jobs": bulk_body(path, [ada]),
        "profile-suppression-bulk-delete-jobs": bulk_body(path, [ada]),
        "events": {"data": event(profile={"data": ada})},
        "event-bulk-create-jobs": events_body(entry(ada, event())),
        "data-privacy-deletion-jobs": deletion_body(email="a@example.com"),
    }
    return bodies[kind] if call in BODIES else None


class Caller:
    """Calls an operation with a good path and body, but for what a test changes."""

    def __init__(self, api: Api, subjects: dict[str, str]) -> None:
        self._api, self._subjects = api, subjects

    def __call__(self, call: str, query: dict[str, str] | None = None, body: Any = None) -> requests.Response:
        method, _, path = call.partition(" ")
        for parameter in ("{id}", "{job_id}"):
            path = path.replace(parameter, self._subjects.get(path.split("/")[2], ""))
        sent = body if body is not None else body_of(call, self._subjects)
        return self._api.call(method, path, params=query, json=sent)

    def good(self, call: str) -> Any:
        """A body that is accepted."""
        return body_of(call, self._subjects)


@pytest.fixture
def send(api: Api, subjects: dict[str, str]) -> Caller:
    return Caller(api, subjects)


def refused(answer: requests.Response) -> dict[str, Any]:
    """The one error of a 400, which has all the members that Klaviyo's have."""
    assert answer.status_code == 400, answer.text
    (error,) = answer.json()["errors"]
    assert set(error) == {"id", "status", "code", "title", "detail", "source", "links", "meta"}
    assert (error["status"], error["code"], error["title"]) == (400, "invalid", "Invalid input.")
    assert set(error["source"]) in ({"pointer"}, {"parameter"})
    return dict(error)


@every
def test_a_good_call_is_answered_with_its_limits(send: Caller, call: str) -> None:
    answer = send(call)
    assert answer.status_code in (200, 201, 202, 204), answer.text
    quota = CALLS[call].quota
    daily = f", {quota.daily};w=86400" if quota.daily else ""
    assert answer.headers["RateLimit-Limit"] == f"{quota.burst}, {quota.burst};w=1, {quota.steady};w=60{daily}"
    assert int(answer.headers["RateLimit-Remaining"]) < quota.burst
    assert answer.headers["RateLimit-Reset"] == "0"


@every
def test_an_unknown_query_parameter_is_refused(send: Caller, call: str) -> None:
    error = refused(send(call, {"colour": "red"}))
    assert error["detail"] == f"'colour' is not a valid field for the resource '{CALLS[call].kind}'."


@every
def test_a_parameter_of_other_operations_is_refused(send: Caller, call: str) -> None:
    operation = CALLS[call]
    if not operation.page:
        assert refused(send(call, {"page[size]": "5"}))["source"] == {"pointer": "/data/attributes/page_size"}
    if not operation.cursor:
        assert refused(send(call, {"page[cursor]": "x"}))["source"] == {"pointer": "/data/attributes/page_cursor"}
    for name in ("filter", "include", "sort"):
        if not getattr(operation, name):
            value = 'equals(colour,"red")' if name == "filter" else "colour"
            assert refused(send(call, {name: value}))["source"] == {"parameter": name}


@every
def test_a_bogus_fieldset_is_refused(send: Caller, call: str) -> None:
    name = "fields[horoscope]"
    assert refused(send(call, {name: "id"}))["source"] == {"parameter": name}
    for kind in CALLS[call].fields:
        assert refused(send(call, {f"fields[{kind}]": "id,bogus"}))["source"] == {"parameter": f"fields[{kind}]"}


@reading
def test_every_name_of_every_fieldset_is_taken(send: Caller, call: str) -> None:
    names = {f"fields[{kind}]": ",".join(sorted(each)) for kind, each in CALLS[call].fields.items()}
    assert send(call, names).status_code in (200, 201, 202)


@every
def test_a_bogus_include_or_sort_or_additional_field_is_refused(send: Caller, call: str) -> None:
    for name in ("include", "sort", "additional-fields[profile]", "additional-fields[list]"):
        assert refused(send(call, {name: "bogus"}))["source"] == {"parameter": name}


@every
def test_every_include_sort_and_additional_field_is_taken(send: Caller, call: str) -> None:
    operation = CALLS[call]
    queries = [{"sort": f"{sign}{field}"} for field in operation.sort for sign in ("", "-")]
    queries += [{f"additional-fields[{kind}]": ",".join(names)} for kind, names in operation.additional.items()]
    queries += [{"include": ",".join(operation.include)}] if operation.include else []
    for query in queries:
        answer = send(call, query)
        assert answer.status_code in (200, 201, 202), answer.text
        assert ("included" in answer.json()) == ("include" in query)


@pytest.mark.parametrize("call", [call for call, operation in CALLS.items() if operation.page])
def test_a_page_size_out_of_range_is_refused(send: Caller, call: str) -> None:
    _, maximum = CALLS[call].page or (0, 0)
    for size in ("0", "-1", str(maximum + 1), "ten", "1.5", "9" * 5_000, ""):
        assert refused(send(call, {"page[size]": size}))["source"] == {"parameter": "page[size]"}
    for size in ("1", str(maximum)):
        assert send(call, {"page[size]": size}).status_code == 200


def clauses(operation: Operation) -> Iterator[tuple[str, str]]:
    """A good and a bad clause for each field and operator."""
    values = {"string": "'x'", "date-time": "2026-01-01T00:00:00Z", "number": "7"}
    for field, filterable in operation.filter.items():
        good = f"'{filterable.values[0]}'" if filterable.values else values.get(filterable.kind, "")
        bad = "x" if filterable.kind == "string" else f"'{good}'"
        for name in filterable.operators:
            if name == "has":
                yield f"has({field})", f"has({field},'x')"
            elif name == "any":
                yield f"any({field},[{good}])", f"any({field},[{bad}])"
            else:
                yield f"{name}({field},{good})", f"{name}({field},{bad})"


@filtering
def test_each_filter_is_taken_with_its_operators_and_with_quotes_as_the_type_wants_them(
    send: Caller, call: str
) -> None:
    for good, bad in clauses(CALLS[call]):
        answer = send(call, {"filter": good})
        assert answer.status_code == 200, (good, answer.text)
        assert refused(send(call, {"filter": bad}))["source"] == {"parameter": "filter"}


@filtering
def test_another_field_or_operator_is_refused(send: Caller, call: str) -> None:
    field = next(iter(CALLS[call].filter))
    for text in ("equals(colour,'red')", f"contains({field},'x')", f"{field}='x'", "equals(", "or(x,y)"):
        assert refused(send(call, {"filter": text}))["source"] == {"parameter": "filter"}


@writing
def test_a_body_of_another_type_or_with_unknown_members_is_refused(send: Caller, call: str) -> None:
    good = send.good(call)["data"]
    several = isinstance(good, list)
    one = good[0] if several else good

    def pointers(**changes: Any) -> list[str]:
        changed = {**one, **changes}
        answer = send(call, body={"data": [changed] if several else changed})
        assert answer.status_code == 400, answer.text
        return [error["source"]["pointer"] for error in answer.json()["errors"]]

    start = "/data/0" if several else "/data"
    assert pointers(type="horoscope") == [f"{start}/type"]
    assert pointers(colour="red") == [f"{start}/colour"]
    if not several:
        assert f"{start}/attributes/colour" in pointers(attributes={**one["attributes"], "colour": "red"})
    wrong: list[Any] = [None, "x", {} if several else []]
    for data in wrong:
        assert first_error(send(call, body={"data": data}))["source"] == {"pointer": "/data"}


@pytest.mark.parametrize(
    "call", [call for call in BODIES if "-jobs" in call and "event" not in call and "privacy" not in call]
)
def test_a_relationship_of_another_type_is_refused(send: Caller, call: str) -> None:
    name = "lists" if "import" in call else "list"
    body = send.good(call)
    for wrong in ({"type": "segment", "id": "x"}, {"type": "list"}, {"type": "list", "id": 7}, "x"):
        body["data"]["relationships"] = {name: {"data": [wrong] if name == "lists" else wrong}}
        found = [error["source"]["pointer"] for error in send(call, body=body).json()["errors"]]
        assert found
        assert all(pointer.startswith(f"/data/relationships/{name}/data") for pointer in found)


def members(node: Any, schemas: dict[str, Any]) -> Any:
    """The members of a schema, as `form` has them of a model."""
    if isinstance(node, str):
        return members(schemas[node], schemas) if node in schemas else None
    if isinstance(node, list):
        return None
    if "[]" in node:
        return members(node["[]"], schemas)
    return {name.removesuffix("*"): (name.endswith("*"), members(part, schemas)) for name, part in node.items()}


@writing
def test_every_body_has_the_members_of_the_official_model(call: str) -> None:
    schema = BODIES[call]
    assert members(schema, document(REVISED)["schemas"]) == form(getattr(openapi_client, schema))


def test_the_revisions_differ_in_nothing_else_than_what_is_known() -> None:
    old, new = document(DOCUMENTED), document(REVISED)
    assert old["operations"] == new["operations"]
    changed = {name for name, schema in new["schemas"].items() if old["schemas"][name] != schema}
    assert changed == {
        "EmailSubscriptionParameters",
        "EmailUnsubscriptionParameters",
        "EventProfileCreateQueryResourceObject",
    }
    assert {name for name, names in new["fieldsets"].items() if old["fieldsets"][name] != names} == {
        "profile 2",
        "profile 3",
    }


@pytest.mark.parametrize(("revision", "hints"), [("2026-07-15", False), ("2026-10-15", True)])
def test_the_answers_of_the_newer_revision_carry_hints(api: Api, revision: str, hints: bool) -> None:
    for path in ("/api/lists", f"/api/lists/{api.make_list()}"):
        assert ("meta" in api.call("GET", path, headers={"revision": revision}).json()) is hints


def test_a_revision_of_tomorrow_is_refused(api: Api) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert refused(api.call("GET", "/api/lists", headers={"revision": tomorrow}))["source"] == {"pointer": "/data/"}
