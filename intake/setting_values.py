"""Reads the settings of an mParticle account or audience (mParticle: Firehose; every value is a string)."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Final

import msgspec

from intake.mparticle_settings import OF_ACCOUNT, OF_AUDIENCE
from json_names import unknown

log = logging.getLogger(__name__)

#: How a private key of Klaviyo begins.
_KEY: Final = "pk_"
#: Kept instead of one in a setting that is not for it. As wrong there as the key was, so that the connection is held
#: and the setting named; left out, people would be sent by another setting than was meant.
NOT_KEPT: Final = "(a Klaviyo key, not kept)"
_NAMES: Final = OF_ACCOUNT | OF_AUDIENCE
#: Unknown names that one process tells of: senders may make up names without end.
_MOST: Final = 100
_told: Final[set[str]] = set()

_texts = msgspec.json.Decoder(dict[str, str])
_anything = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)


def read(raw: msgspec.Raw, confidential: str = "") -> dict[str, str]:
    """Setting id -> text. A number or boolean becomes its JSON; null, lists and objects are left out.

    `confidential`: the setting that may hold a Klaviyo key, of an account. A key in any other is read as NOT_KEPT.
    """
    if not (json := bytes(raw)):
        return {}
    try:
        settings = _texts.decode(json)
    except msgspec.ValidationError:
        settings = _one_by_one(json)
    for name, text in settings.items():
        if name != confidential and text.lstrip().startswith(_KEY):
            settings[name] = NOT_KEPT
            tell(name if name in _NAMES else None)
    known = OF_ACCOUNT if confidential else OF_AUDIENCE
    for name in sorted(settings.keys() - known):
        _tell_unknown(name, known)
    return settings


def _tell_unknown(name: str, known: frozenset[str]) -> None:
    """Log it once in a process. It is ignored and not refused: mParticle would repeat its message for ever."""
    if name not in _told and len(_told) < _MOST:
        _told.add(name)
        log.warning("a setting that mParticle sent is ignored: %s", unknown(name, sorted(known)))


@lru_cache(len(_NAMES) + 1)
def tell(name: str | None) -> None:
    """Log that a setting holds a key: once in a process, and not with every message. None: a setting not Ferry's."""
    setting = f"the setting {name}" if name else "a setting that is not Ferry's"
    log.warning("%s holds a Klaviyo key, which is not kept; correct the setting, and give the key as apiKey", setting)


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
