"""Reads the query parameters of a call and refuses those that its operation does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from emulator import filters
from emulator.contract import Operation
from emulator.errors import ApiError, bad_parameter, bad_request


class Query(NamedTuple):
    """The parameters of one call. `fields`: the attributes to show by resource type, all of types not named;
    `additional`: the additional ones; `sort`: the field to sort by, None: the natural order."""

    fields: Mapping[str, frozenset[str]] = {}
    additional: frozenset[str] = frozenset()
    include: frozenset[str] = frozenset()
    clauses: Sequence[filters.Clause] = ()
    sort: str | None = None
    descending: bool = False
    size: int = 20
    cursor: str | None = None

    def shown(self, kind: str, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return the attributes to show. A dotted name means the attribute before the dot."""
        names = self.fields.get(kind)
        return attributes if names is None else {name: attributes[name] for name in attributes if name in names}


def read(operation: Operation, given: Mapping[str, str | list[str]]) -> Query:
    """Return the parameters; raises `ApiError` 400 for the first one that Klaviyo refuses."""
    params = {name: value if isinstance(value, str) else ",".join(value) for name, value in given.items()}
    fields: dict[str, frozenset[str]] = {}
    additional: frozenset[str] = frozenset()
    for name, text in params.items():
        family, _, kind = name.removesuffix("]").partition("[")
        if family == "fields":
            if kind not in operation.fields:
                raise bad_parameter(name, f"'{kind}' is not an allowed fields parameter for this resource.")
            if named := _names(name, text, operation.fields[kind]):
                fields[kind] = frozenset(each.partition(".")[0] for each in named)
        elif family == "additional-fields":
            additional |= _names(name, text, operation.additional.get(kind, ()))
        elif name not in ("filter", "include", "sort") and not _pages(operation, name):
            raise _unknown(operation, name)
    sort = params.get("sort", "").removeprefix("-")
    if sort and sort not in operation.sort:
        raise bad_parameter("sort", f"'{sort}' is not an allowed sort parameter for this resource.")
    return Query(
        fields=fields,
        additional=additional,
        include=_names("include", params.get("include", ""), operation.include),
        clauses=filters.parse(params["filter"], operation.filter) if params.get("filter") else (),
        sort=sort or None,
        descending=params.get("sort", "").startswith("-"),
        size=_size(operation, params.get("page[size]")),
        cursor=params.get("page[cursor]") or None,
    )


def _names(parameter: str, text: str, allowed: Iterable[str]) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",")) if text else frozenset[str]()
    for name in sorted(names.difference(allowed)):
        raise bad_parameter(parameter, f"'{name}' is not an allowed {parameter} parameter for this resource.")
    return names


def _pages(operation: Operation, name: str) -> bool:
    return (name == "page[cursor]" and operation.cursor) or (name == "page[size]" and operation.page is not None)


def _unknown(operation: Operation, parameter: str) -> ApiError:
    """Return the refusal of a parameter that the operation does not have, as seen live for `page[size]` in 2026."""
    name = parameter.replace("[", "_").removesuffix("]")
    return bad_request(
        f"'{name}' is not a valid field for the resource '{operation.kind}'.", f"/data/attributes/{name}"
    )


def _size(operation: Operation, text: str | None) -> int:
    """Return the size of a page; a collection without the parameter has pages of 200 (Klaviyo: get metrics)."""
    default, maximum = operation.page or (200, 200)
    size = default if text is None else int(text) if text.isdecimal() and len(text) < 9 else 0
    if not 1 <= size <= maximum:
        raise bad_parameter("page[size]", f"Page size must be an integer between 1 and {maximum}.")
    return size
