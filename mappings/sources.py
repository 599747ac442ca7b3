"""The CDPs whose people Ferry can read, by the name of the source that a change carries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mappings import changes, mparticle, segment_person
from mappings.errors import Reason, Rejected
from mappings.person import Person

_READERS: Final[dict[str, Callable[[bytes], Person]]] = {
    "changes": changes.read,
    "mparticle": mparticle.read,
    "segment": segment_person.read,
    "snapshot": changes.read,
}


def read(source: str, fragment: bytes) -> Person:
    """The person in a stored fragment of this source.

    Raises Rejected: `source_unknown` for a source that no reader is for, `fragment_unreadable` from the reader.
    """
    reader = _READERS.get(source)
    if reader is None:
        known = ", ".join(_READERS)
        raise Rejected(
            Reason.SOURCE_UNKNOWN,
            None,
            f"no reader for source {source!r} among {known}; a newer Ferry may have stored the change: "
            "run that version's worker and replay",
        )
    return reader(fragment)
