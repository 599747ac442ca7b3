"""Checks request bodies: compiles a schema of Klaviyo's contract into a function that finds all problems of a body."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from emulator.errors import misshapen
from emulator.rules import About, Check, Finding
from emulator.rules_jobs import OBJECTS, VALUES
from emulator.times import moment_of

_DAY = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_MISSHAPEN: tuple[Finding, ...] = (("", misshapen().detail),)


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds)


def _is_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


#: The test of each type, and the problem of a value that fails it. The text for `string|string[]`, the type of `unset`
#: only, is Klaviyo's; those of the other types are not known.
TYPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "string": (_is(str), "Not a valid string."),
    "number": (_is(int, float), "A valid number is required."),
    "boolean": (_is(bool), "Must be a valid boolean."),
    "object": (_is(dict), "Not a valid object."),
    "string|number": (_is(str, int, float), "Not a valid string or number."),
    "string|string[]": (_is_texts, "Unset must be a string or an array of strings"),
    "date": (lambda value: isinstance(value, str) and bool(_DAY.fullmatch(value)), "Not a valid date: YYYY-MM-DD."),
    "date-time": (lambda value: moment_of(value) is not None, "Not a valid date and time; send ISO 8601."),
}


def compiled(name: str, schemas: Mapping[str, Any]) -> Check:
    """Return the check of a whole body of that schema; it yields (JSON pointer, problem)."""
    return _check(name, schemas, "", "", "")


def _check(node: Any, schemas: Mapping[str, Any], schema: str, kind: str, name: str) -> Check:
    """Return the check of one node: a member `name` of a resource of type `kind` in `schema`, the nearest named one."""
    rule = VALUES.get((schema, kind, name)) or VALUES.get(("", kind, name))
    if isinstance(node, str) and node in schemas:
        return _ruled(_object(schemas[node], schemas, node, name, OBJECTS.get(node)), rule)
    if isinstance(node, str):
        return _ruled(_scalar(*TYPES[node]), rule)
    if isinstance(node, list):
        return _scalar(node.__contains__, misshapen().detail)
    if "[]" in node:
        return _ruled(_array(_check(node["[]"], schemas, schema, kind, name)), rule)
    return _ruled(_object(node, schemas, schema, kind if name in ("attributes", "data") else name, None), rule)


def _ruled(check: Check, rule: Check | None) -> Check:
    """Return a check that applies the rule to values of the right form only."""
    if rule is None:
        return check
    return lambda value, about: check(value, about) or rule(value, about)


def _scalar(fits: Callable[[Any], bool], problem: str) -> Check:
    problems = (("", problem),)
    return lambda value, _about: () if fits(value) else problems


def _array(item_check: Check) -> Check:
    def check(value: Any, about: About) -> Iterable[Finding]:
        if not isinstance(value, list):
            return _MISSHAPEN
        found: list[Finding] = []
        for index, item in enumerate(value):
            for suffix, problem in item_check(item, about):
                found.append((f"/{index}{suffix}", problem))
        return found

    return check


class _Form(NamedTuple):
    """The members of an object, and the name of the resource that problems name. `tolerant`: takes unknown members."""

    members: Mapping[str, Check]
    required: tuple[str, ...]
    kind: str
    tolerant: bool


def _object(node: Mapping[str, Any], schemas: Mapping[str, Any], schema: str, kind: str, rule: Check | None) -> Check:
    """Return the check of an object; the rule sees one without other problems only."""
    parts = {name.removesuffix("*"): part for name, part in node.items()}
    kind = parts["type"][0] if isinstance(parts.get("type"), list) else kind
    members = {name: _check(part, schemas, schema, kind, name) for name, part in parts.items()}
    required = tuple(name.removesuffix("*") for name in node if name.endswith("*"))
    # A relationship of another name was seen to be silently ignored (Klaviyo's community, 11100).
    form = _Form(members, required, kind, tolerant=kind in ("", "relationships"))

    def check(value: Any, about: About) -> Iterable[Finding]:
        if not isinstance(value, dict):
            return _MISSHAPEN
        found = _problems(form, value, about)
        return found if found or rule is None else list(rule(value, about))

    return check


def _problems(form: _Form, value: Mapping[str, Any], about: About) -> list[Finding]:
    """Return the problems of an object. A null counts as not sent: Klaviyo's document marks not all that may be."""
    found: list[Finding] = []
    for name, item in value.items():
        member = form.members.get(name)
        if member is None:
            if not form.tolerant:
                found.append((f"/{name}", f"'{name}' is not a valid field for the resource '{form.kind}'."))
        elif item is not None:
            found += [(f"/{name}{suffix}", problem) for suffix, problem in member(item, about)]
    for name in form.required:
        if value.get(name) is None:
            found.append((f"/{name}", f"'{name}' is a required field for the resource '{form.kind}'."))
    return found
