"""The readers of people, by the source named in a change, and the reader for `/v1/changes`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from mappings import mparticle
from mappings import person as fragments
from mappings.errors import Reason, Rejected
from mappings.person import Attribute, Identity, Person
from mappings.segment import person

_IDENTITIES = ("email", "phone", "external_id")


def read_changes(fragment: bytes) -> Person:
    """Return the person in `{"email", "phone", "external_id", "attributes"}`; raises Rejected(fragment_unreadable)."""
    person = fragments.decode(fragment)
    attributes = person.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise fragments.unreadable("has attributes that are not a JSON object")
    return Person(
        identities=tuple(_identities(person)),
        attributes=tuple(Attribute(key, value, deleted=value is None) for key, value in attributes.items()),
        klaviyo_names=True,
    )


def _identities(person: dict[str, Any]) -> Iterator[Identity]:
    for name in _IDENTITIES:
        value = person.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise fragments.unreadable(f"has a value for {name} that is neither text nor a whole number", name)
        if value:
            yield Identity(name, value)


_READERS: Final[dict[str, Callable[[bytes], Person]]] = {
    "changes": read_changes,
    "mparticle": mparticle.read,
    "segment": person.read,
    "snapshot": read_changes,
}


def read(source: str, fragment: bytes) -> Person:
    """Return the person in a stored fragment of this source.

    Raises Rejected: `source_unknown` for a source without a reader, `fragment_unreadable` from the reader.
    """
    reader = _READERS.get(source)
    if reader is None:
        known = ", ".join(_READERS)
        raise Rejected(
            Reason.SOURCE_UNKNOWN,
            None,
            f"the source {source!r} is unknown (known: {known}); a newer version of Ferry may have stored the change: "
            "run that version's worker and replay",
        )
    return reader(fragment)
