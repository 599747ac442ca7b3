"""Messages of the Segment spec, and what intake makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from configuration.connections import Connection
from intake.audiences import Audiences
from intake.segment import reading as segment_reading
from intake.segment.reading import SegmentBatch
from mappings.segment.paths import MISSING, First, If, Path, is_there
from queues.change import Change, decode

NOW = 1_767_225_600_000
DEFAULT = Connection("default")
TRAITS = {"email": "ann@example.com"}
PERSONAS = {"computation_class": "audience", "computation_key": "vips", "computation_id": "aud_1"}


def read(posted: Any, connection: Connection = DEFAULT) -> SegmentBatch:
    """What a request comes to; bytes, or anything else as JSON."""
    body = posted if isinstance(posted, bytes) else json.dumps(posted).encode()
    return segment_reading.read(body, connection, Audiences(), NOW)


def message(kind: str = "identify", **more: Any) -> dict[str, Any]:
    """A message of this type, from Ann unless `more` says otherwise."""
    return {"type": kind, "messageId": "m-1", "traits": TRAITS, **more}


def changes(reading: SegmentBatch) -> dict[str, list[Change]]:
    """The changes by queue."""
    found: dict[str, list[Change]] = {}
    for acceptance in reading.acceptances:
        found.setdefault(str(acceptance.queue), []).extend(map(decode, acceptance.changes))
    return found


def dead(reading: SegmentBatch) -> list[tuple[str, str, str]]:
    """Queue, reason and detail of each dead letter."""
    return [(str(each.queue), letter.reason, letter.detail) for each in reading.acceptances for letter in each.dead]


def refusal(parse: Callable[[str], object], text: str) -> str | None:
    """What is said of a text that cannot be parsed."""
    try:
        parse(text)
    except ValueError as error:
        return str(error)
    return None


def followed(value: Any, message: Any, *, nulls: bool) -> Any:
    """The value of a mapping, found step by step; MISSING without one."""
    match value:
        case Path():
            return value.read(message)
        case First(places):
            tried = [place.read(message) for place in places]
            return next(filter(is_there, tried), None if None in tried else MISSING)
        case If(exists, then, otherwise):
            return followed(then if is_there(exists.find(message)) else otherwise, message, nulls=nulls)
        case dict():
            found = {key: followed(entry, message, nulls=nulls) for key, entry in value.items()}
            return {key: entry for key, entry in found.items() if is_there(entry) or (nulls and entry is None)}
        case list():
            found_entries = [followed(entry, message, nulls=False) for entry in value]
            return [None if entry is MISSING else entry for entry in found_entries]
    return MISSING if value is None else value
