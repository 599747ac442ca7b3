"""What is known of a member's attributes without keeping them: eight bytes each, so that only what changed is sent."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import msgspec

from mappings.fields import STANDARD

#: crc32 of the name; crc32 of name and value, or _EMPTY. An update is overlooked once in 4 billion.
_PAIR: Final = struct.Struct(">II")
#: Of a property that is known to have no value.
_EMPTY: Final = 0
#: Names that no attribute has, of identifiers that are sent beside a stronger one.
_BESIDE: Final = {"phone": "\0phone", "external_id": "\0external_id"}
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode
_same = msgspec.json.Encoder(order="deterministic").encode


def digests(fragment: bytes) -> bytes:
    """Those of the attributes in a fragment, sorted, 8 bytes each; a standard field that is null has none.

    And of the identifiers besides the strongest, for these may change as well while the person stays the same.
    """
    return merged(b"", fragment)


def changed(fragment: bytes, before: bytes) -> bytes | None:
    """The fragment with those attributes only that differ from the digests `before`; None when nothing does.

    A null of a custom property differs unless that is known to be empty: others may have written it, and to clear it
    costs nothing. That of a standard field costs a request a person, and differs only where a value was delivered.
    """
    person = _decode(fragment)
    known = _known(before)
    attributes = person.pop("attributes", None) or {}
    different = _different(attributes, known)
    if different:
        person["attributes"] = different
    return _encode(person) if different or _different(_beside(person), known) else None


def merged(before: bytes, fragment: bytes) -> bytes:
    """The digests once the attributes of the fragment have been written over those `before`."""
    known = _known(before)
    person = _decode(fragment)
    for name, value in ((person.get("attributes") or {}) | _beside(person)).items():
        known.pop(_name(name), None)
        if (digest := _value(name, value)) is not None:
            known[_name(name)] = digest
    return b"".join(_PAIR.pack(*pair) for pair in sorted(known.items()))


def _different(told: dict[str, Any], known: dict[int, int]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if known.get(_name(name)) != _value(name, value)}


def _beside(person: dict[str, Any]) -> dict[str, Any]:
    """The identifiers of a fragment besides the strongest, which never changes."""
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
