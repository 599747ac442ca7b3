"""What marshmallow finds wrong with what people write, in lines that name the place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def complaints(messages: Any, place: str = "") -> Iterator[str]:
    """A line for each of the nested messages of a ValidationError, such as "audiences.42.list: Unknown field."."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from complaints(
                inner, place if key in ("value", "_schema") else f"{place}.{key}" if place else str(key)
            )
    else:
        yield from (f"{place}: {message}" if place else message for message in messages)
