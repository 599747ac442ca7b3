"""The common parts of the bodies of bulk calls: an array of rows, and a list or segment."""

from __future__ import annotations

from typing import Any

from emulator.errors import Problem, bad_payload, bad_request, invalid
from emulator.fields import unknown
from emulator.jsonapi import Json
from emulator.world import World

PROFILES = "/data/attributes/profiles/data"


def rows_of(data: Json, name: str, maximum: int) -> list[Any]:
    """Return `attributes.<name>.data`; raises `ApiError` 400 if it is no array, is empty or has too many entries."""
    attributes = data.get("attributes")
    holder = attributes.get(name) if isinstance(attributes, dict) else None
    found = holder.get("data") if isinstance(holder, dict) else None
    pointer = f"/data/attributes/{name}/data"
    if not isinstance(found, list) or not found:
        raise bad_payload(pointer)
    if len(found) > maximum:
        raise bad_request(f"At most {maximum} entries may be sent in one call.", pointer)
    return found


def related(data: Json, name: str) -> str | None:
    """Return the id of the body's one `list` or `segment`; raises `ApiError` 400 for another shape.

    A relationship under another name, such as `lists`, is silently ignored.
    """
    relationships = data.get("relationships")
    holder = relationships.get(name) if isinstance(relationships, dict) else None
    if holder is None:
        return None
    entry = holder.get("data") if isinstance(holder, dict) else None
    if not isinstance(entry, dict) or entry.get("type") != name or not isinstance(entry.get("id"), str):
        raise bad_payload(f"/data/relationships/{name}/data")
    return str(entry["id"])


def list_problems(world: World, list_id: str | None) -> list[Problem]:
    """Return a problem if the list of the body does not exist."""
    if list_id is None or list_id in world.lists.by_id:
        return []
    return [invalid(f"List ID {list_id} does not exist.", "/data/relationships/list/data/id")]


def strangers(attributes: Json, known: frozenset[str], kind: str) -> list[Problem]:
    """Return a problem for each attribute that this kind of job does not have."""
    return [invalid(unknown(name, kind), f"/data/attributes/{name}") for name in attributes if name not in known]
