"""Digests of a member's attributes, eight bytes each, so that only changed attributes are sent and none are stored."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import msgspec

from mappings.fields import STANDARD

#: crc32 of the name; crc32 of name and value, or _EMPTY. One update in 4 billion is missed.
_PAIR: Final = struct.Struct(">II")
_NAME: Final = struct.Struct(">I")
#: The digest of a property that is known to have no value.
_EMPTY: Final = 0
#: Names for identifiers that are sent beside a stronger one; no attribute has such a name.
_BESIDE: Final = {"phone": "\0phone", "external_id": "\0external_id"}
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode
_same = msgspec.json.Encoder(order="deterministic").encode


def digests(fragment: bytes) -> bytes:
    """Return the digests of the attributes in a fragment, sorted, 8 bytes each; a null standard field has none.

    They include the identifiers except the strongest one, because these may also change.
    """
    return merged(b"", fragment)


def changed(fragment: bytes, before: bytes) -> bytes | None:
    """Return the fragment with only the attributes that differ from the digests `before`, or None if none do.

    A null custom property differs unless it is known to be empty: others may have written it, and clearing it costs
    nothing. A null standard field costs a request a person, so it differs only when a value was delivered.
    """
    person = _decode(fragment)
    known = _known(before)
    attributes = person.pop("attributes", None) or {}
    different = _different(attributes, known)
    if different:
        person["attributes"] = different
    return _encode(person) if different or _different(_beside(person), known) else None


def merged(before: bytes, fragment: bytes) -> bytes:
    """Return the digests `before` updated by the attributes of the fragment."""
    known = _known(before)
    person = _decode(fragment)
    for name, value in ((person.get("attributes") or {}) | _beside(person)).items():
        known.pop(_name(name), None)
        if (digest := _value(name, value)) is not None:
            known[_name(name)] = digest
    return b"".join(_PAIR.pack(*pair) for pair in sorted(known.items()))


def filled(before: bytes) -> bytes:
    """Return the standard fields with a value in the digests `before`, as hashes of their names, 4 bytes each."""
    known = _known(before)
    return b"".join(_NAME.pack(name) for name in sorted(_STANDARD & known.keys()))


def is_filled(name: str, fields: bytes) -> bool:
    """Return whether a standard field is among those that `filled` returned."""
    return (_name(name),) in _NAME.iter_unpack(fields)


def _different(attributes: dict[str, Any], known: dict[int, int]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if known.get(_name(name)) != _value(name, value)}


def _beside(person: dict[str, Any]) -> dict[str, Any]:
    """Return the identifiers of a fragment except the strongest one, which never changes."""
    there = [name for name in ("email", "phone", "external_id") if name in person]
    return {_BESIDE[name]: person[name] for name in there[1:]}


def _known(before: bytes) -> dict[int, int]:
    return dict(_PAIR.iter_unpack(before))


def _name(name: str) -> int:
    return zlib.crc32(name.encode())


def _value(name: str, value: object) -> int | None:
    if value is None:
        return None if name in STANDARD else _EMPTY
    return zlib.crc32(_same([name, value]))


_STANDARD: Final = frozenset(map(_name, STANDARD))
