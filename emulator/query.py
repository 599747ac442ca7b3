"""Reads the query parameters of JSON:API: pages, sparse fields, sorting, includes and filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from falcon.asgi import Request

from emulator import filters
from emulator.errors import bad_parameter


class PageOrder(NamedTuple):
    """The size of a page and its start."""

    size: int
    cursor: str | None


class Sort(NamedTuple):
    """The field to sort by; None: the natural order."""

    field: str | None
    descending: bool


def page_order(req: Request, *, default: int, maximum: int) -> PageOrder:
    """Return `page[size]` and `page[cursor]`; raises `ApiError` 400 for a size out of range."""
    text = req.get_param("page[size]")
    size = default if text is None else int(text) if text.isdecimal() else 0
    if not 1 <= size <= maximum:
        raise bad_parameter("page[size]", f"Page size must be an integer between 1 and {maximum}.")
    return PageOrder(size, req.get_param("page[cursor]"))


def clauses(req: Request, allowed: Mapping[str, frozenset[str]]) -> list[filters.Clause]:
    """Return the conditions of `filter`; none without the parameter."""
    text = req.get_param("filter")
    return filters.parse(text, allowed) if text else []


def sort(req: Request, allowed: Iterable[str]) -> Sort:
    """Return the field of `sort` and whether it is preceded by a minus."""
    text = req.get_param("sort") or ""
    field = text.removeprefix("-")
    if field and field not in allowed:
        raise bad_parameter("sort", f"'{text}' is not an allowed sort parameter.")
    return Sort(field or None, text.startswith("-"))


def include(req: Request, allowed: Iterable[str]) -> set[str]:
    """Return the names in `include`."""
    return _allowed(req, "include", allowed)


def additional_fields(req: Request, kind: str, allowed: Iterable[str]) -> set[str]:
    """Return the names in `additional-fields[kind]`."""
    return _allowed(req, f"additional-fields[{kind}]", allowed)


def fields(req: Request, kind: str) -> frozenset[str] | None:
    """Return the attributes in `fields[kind]`; None: all. A dotted name means the attribute before the dot."""
    names = _names(req, f"fields[{kind}]")
    return frozenset(name.partition(".")[0] for name in names) if names else None


def _allowed(req: Request, parameter: str, allowed: Iterable[str]) -> set[str]:
    names = set(_names(req, parameter))
    for name in sorted(names - set(allowed)):
        raise bad_parameter(parameter, f"'{name}' is not an allowed {parameter} parameter.")
    return names


def _names(req: Request, parameter: str) -> list[str]:
    text = req.get_param(parameter)
    return [name.strip() for name in text.split(",")] if text else []
