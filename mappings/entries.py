"""Reads the mappings that people set in mParticle: entries that lead from a name of theirs to one of Klaviyo's."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any


def entries(setting: str, text: str | None, maptype: str) -> Iterator[tuple[str, Any, Any]]:
    """The place of each entry for messages, its name and its target, neither checked.

    Takes `{"name": "target"}` or mParticle's own `[{"map": "name", "maptype": ..., "value": "target"}]`, plain or
    HTML-escaped; nothing is no entries. `setting`: what messages call it. Raises ValueError naming the entry that is
    wrong by its number, from 1. What stands in it is not repeated, because a secret pasted into the wrong box must not
    end up in a log.
    """
    match _decoded(setting, text):
        case None:
            return
        case dict() as decoded:
            for number, (name, target) in enumerate(decoded.items(), start=1):
                yield f"{setting}, entry {number}", name, target
        case list() as decoded:
            for number, entry in enumerate(decoded, start=1):
                yield _pair(f"{setting}, entry {number}", entry, maptype)
        case _:
            raise ValueError(f"{setting}: it must be a JSON object or mParticle's list of mappings")


def _decoded(setting: str, text: str | None) -> Any:
    if text is None or not text.strip():
        return None
    try:
        try:
            return json.loads(text)
        except ValueError:
            return json.loads(html.unescape(text))
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{setting}: it is not JSON ({error}); write {{"name": "target"}}') from error


def _pair(place: str, entry: Any, maptype: str) -> tuple[str, Any, Any]:
    match entry:
        case {"map": name, "value": target}:
            if (entry.get("maptype") or maptype) != maptype:
                raise ValueError(
                    f"{place}: the maptype is another one than {maptype}, and only that can be mapped here"
                )
            return place, name, target
    raise ValueError(f'{place}: it must be an object with "map" and "value"')
