"""Klaviyo's contract: the operations that the emulator serves, with their limits, scopes, parameters and bodies.

`contract.json` is Klaviyo's OpenAPI document of revision 2026-07-15 without everything that no call depends on; its
`source` names the script that makes it. There, a schema is an object of its members (`*`: required), a list of the
allowed values, `{"[]": ...}` for an array, or the name of a type or of another schema. No later document is published;
`_revise` applies what is known of revision 2026-10-15.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import orjson

from emulator.errors import ApiError, Problem, bad_request
from emulator.filters import Filterable
from emulator.limits import Quota
from emulator.rules import Check
from emulator.schemas import compiled

EARLIEST = date(2022, 10, 17)
DOCUMENTED, REVISED = date(2026, 7, 15), date(2026, 10, 15)
DAYS_SUPPORTED = 731


class Operation(NamedTuple):
    """One operation. `kind`: the type of its resource; `slower`: (parameter, value, quota) of calls with other limits;
    `fields`, `additional`: the allowed names by resource type; `page`: (default, maximum) of the page size."""

    name: str
    kind: str
    quota: Quota
    slower: tuple[tuple[str, str, Quota], ...]
    scopes: tuple[str, ...]
    fields: Mapping[str, frozenset[str]]
    additional: Mapping[str, frozenset[str]]
    include: tuple[str, ...]
    sort: tuple[str, ...]
    filter: Mapping[str, Filterable]
    page: tuple[int, int] | None
    cursor: bool
    body: Check | None


class Contract(NamedTuple):
    """The operations by call, such as `GET /api/lists`. `hints`: answers carry `meta.agent_hints`."""

    operations: Mapping[str, Operation]
    hints: bool


def serving(revision: str | None, opt_out: bool, today: date) -> Contract:
    """Return the contract of the `revision` header; raises `ApiError` unless it is supported.

    A revision is stable for a year and deprecated for another. A retired one falls forward to the oldest supported one,
    unless `opt_out` (the header `X-Klaviyo-Revision-Fall-Forward-Opt-Out: 1`) asks for a 410 instead. Source: Klaviyo,
    API versioning and deprecation policy. Its response to a missing header is not documented; here it is 400.
    """
    day = _day_of(revision)
    if day > today:
        raise bad_request("unable to specify a future revision date", "/data/")
    if day < EARLIEST:
        raise bad_request(f"before the earliest available, use a date after {EARLIEST}", "/data/")
    if opt_out and (today - day).days > DAYS_SUPPORTED:
        raise ApiError(410, Problem("gone", "Gone.", "The revision is retired.", "/data/"))
    return contract(REVISED if day >= REVISED else DOCUMENTED)


def _day_of(revision: str | None) -> date:
    if not revision:
        raise bad_request(f"a revision header is required, such as revision: {REVISED}", "/data/")
    try:
        return date.fromisoformat(revision.removesuffix(".pre"))
    except ValueError:
        raise bad_request(f"the revision header must be a date, such as {REVISED}", "/data/") from None


@cache
def contract(revision: date) -> Contract:
    """Return the contract of one of the two revisions."""
    given = document(revision)
    operations = {each["call"]: _operation(name, each, given) for name, each in given["operations"].items()}
    return Contract(operations, hints=revision == REVISED)


def document(revision: date) -> dict[str, Any]:
    """Return the contract as in `contract.json`, with the differences of the revision."""
    found: dict[str, Any] = orjson.loads(files("emulator").joinpath("contract.json").read_bytes())
    if revision == REVISED:
        _revise(found["fieldsets"], found["schemas"])
    return found


def _revise(fieldsets: dict[str, list[str]], schemas: dict[str, Any]) -> None:
    """Apply the differences of 2026-10-15, found by comparing the models and docstrings of Klaviyo's Python SDK 24.0.0
    and 25.0.0: besides these and `meta.agent_hints` in answers, there are none for the operations served."""
    # A second kind of tracking consent beside `open_tracking`, of the same form.
    for channel, schema in (
        ("EmailSubscriptionParameters", "OpenTrackingSubscriptionParameters"),
        ("EmailUnsubscriptionParameters", "OpenTrackingUnsubscriptionParameters"),
    ):
        schemas[channel]["click_tracking"] = schema
    for names in fieldsets.values():
        opens = [name for name in names if name.startswith("subscriptions.email.open_tracking")]
        names += [name.replace("open_tracking", "click_tracking") for name in opens]
    # In the profile of a single event, `meta` moves from the attributes to beside them, as in bulk events.
    profile = schemas["EventProfileCreateQueryResourceObject"]
    profile["meta"] = profile["attributes*"].pop("meta")


def _operation(name: str, given: Mapping[str, Any], document: Mapping[str, Any]) -> Operation:
    body = given.get("body")
    return Operation(
        name=name,
        kind=given["kind"],
        quota=Quota(*given["limits"]),
        slower=tuple(_slower(given.get("slower", {}))),
        scopes=tuple(given["scopes"]),
        fields={kind: frozenset(document["fieldsets"][each]) for kind, each in given.get("fields", {}).items()},
        additional={kind: frozenset(names) for kind, names in given.get("additional", {}).items()},
        include=tuple(given.get("include", ())),
        sort=tuple(given.get("sort", ())),
        filter={field: _filterable(text) for field, text in given.get("filter", {}).items()},
        page=tuple(given["page"]) if "page" in given else None,
        cursor=given.get("cursor", False),
        body=compiled(body, document["schemas"]) if body else None,
    )


def _slower(limits: Mapping[str, list[int]]) -> Iterator[tuple[str, str, Quota]]:
    for text, quota in limits.items():
        parameter, _, value = text.partition("=")
        yield parameter, value, Quota(*quota)


def _filterable(text: str) -> Filterable:
    kind, *operators = text.split(" ")
    values = tuple(kind[1:].split("|")) if kind.startswith("=") else ()
    return Filterable("string" if values else kind, frozenset(operators), values)
