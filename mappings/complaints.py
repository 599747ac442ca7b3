"""Turns the errors that marshmallow finds in a configuration into lines that name the place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from marshmallow import Schema
from marshmallow.fields import Dict, Field, Nested

from text.json_names import meant

_UNKNOWN: Final = "Unknown field."  # marshmallow's own words


def complaints(messages: Any, at: Schema | Field[Any] | None = None, place: str = "") -> Iterator[str]:
    """Yield a line for each nested message of a ValidationError, such as "audiences.42.list: Unknown field.".

    `at`: the schema that found them; its field names serve to suggest the right spelling.
    """
    if isinstance(messages, dict):
        for key, inner in messages.items():
            if key in ("value", "_schema"):
                yield from complaints(inner, at, place)
            else:
                hinted = _with_hint(str(key), inner, at)
                yield from complaints(hinted, _within(str(key), at), f"{place}.{key}" if place else str(key))
    else:
        yield from (f"{place}: {message}" if place else message for message in messages)


def _with_hint(key: str, messages: Any, at: Schema | Field[Any] | None) -> Any:
    schema = _schema(at)
    near = meant(key, schema.fields) if schema and messages == [_UNKNOWN] else ""
    return [f"Unknown field; is {near} meant?"] if near else messages


def _within(key: str, at: Schema | Field[Any] | None) -> Field[Any] | None:
    if isinstance(at, Dict):
        return at.value_field
    schema = _schema(at)
    return schema.fields.get(key) if schema else None


def _schema(at: Schema | Field[Any] | None) -> Schema | None:
    found = at.schema if isinstance(at, Nested) else at
    return found if isinstance(found, Schema) else None
