"""Reads the settings of an mParticle account or audience (mParticle: Firehose; every value is a string)."""

from __future__ import annotations

import msgspec

_texts = msgspec.json.Decoder(dict[str, str])
_anything = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)


def read(raw: msgspec.Raw) -> dict[str, str]:
    """Setting id -> text. A number or boolean becomes its JSON; null, lists and objects are left out."""
    if not (json := bytes(raw)):
        return {}
    try:
        return _texts.decode(json)
    except msgspec.ValidationError:
        return _one_by_one(json)


def _one_by_one(json: bytes) -> dict[str, str]:
    try:
        values = {key: bytes(value) for key, value in _anything.decode(json).items()}
    except msgspec.ValidationError:
        return {}
    return {
        key: _text.decode(value) if value.startswith(b'"') else value.decode()
        for key, value in values.items()
        if value != b"null" and not value.startswith((b"[", b"{"))
    }
