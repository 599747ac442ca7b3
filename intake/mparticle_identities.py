"""The person keys of a person as mParticle identifies them."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from intake.mparticle_messages import Identity
from queues.change import person_key

_MOST_KEYS: Final = 9
#: No encoding, and the Profile API's word for it, are raw too.
_RAW: Final = frozenset({"", "raw", "none"})
#: mParticle's id for whoever it does not know yet, shared by all of them.
_NOBODY: Final = "0"

_together = msgspec.json.Decoder(list[Identity | None] | None)
_apart = msgspec.json.Decoder(list[Raw])
_alone = msgspec.json.Decoder(Identity | None)


def person_keys(account_id: int | None, mpid: str | int | None, raw: Raw) -> tuple[str, ...]:
    """At most nine keys, none when nothing identifies the person. `raw`: the array of user identities.

    The e-mail, by which Klaviyo knows a person, and the mpid, which stays when the e-mail changes; the other
    identities only for a person who has neither.
    """
    identities = _identities(raw)
    keys = []
    if email := _email(identities):
        keys.append(person_key("email", email))
    known = "" if mpid is None else str(mpid).strip()
    if known and known != _NOBODY:
        keys.append(person_key("mpid", f"{account_id}:{known}"))
    return tuple(keys) or _other_keys(identities)


def subject_keys(account_id: int | None, identities: list[Identity]) -> tuple[str, ...]:
    """Every key under which changes of a data subject may wait, at most nine."""
    email = _email(identities)
    mpids = [i.value.strip() for i in identities if i.type and i.type.lower() == "mpid" and i.value and i.value.strip()]
    keys = [person_key("email", email)] if email else []
    keys += [person_key("mpid", f"{account_id}:{mpid}") for mpid in mpids]
    return tuple(dict.fromkeys((*keys, *_other_keys(identities))))[:_MOST_KEYS]


def _email(identities: list[Identity]) -> str:
    for identity in identities:
        if identity.type and identity.type.lower() == "email" and _encoding(identity) == "raw":
            value = (identity.value or "").strip()
            if value:
                return value
    return ""


def _other_keys(identities: list[Identity]) -> tuple[str, ...]:
    named = [i for i in identities if i.type and i.value and i.value.strip()]
    keys = {person_key(f"{i.type}/{_encoding(i)}".lower(), i.value or ""): None for i in named}
    return tuple(keys)[:_MOST_KEYS]


def _encoding(identity: Identity) -> str:
    encoding = (identity.encoding or "").lower()
    return "raw" if encoding in _RAW else encoding


def _identities(raw: Raw) -> list[Identity]:
    if not (json := bytes(raw)):
        return []
    try:
        return [identity for identity in _together.decode(json) or () if identity]
    except msgspec.ValidationError:
        return _readable(json)


def _readable(json: bytes) -> list[Identity]:
    """The entries that can be read, where not all can: a wrong one must not cost the person."""
    found = []
    try:
        entries = _apart.decode(json)
    except msgspec.ValidationError:
        return []
    for entry in entries:
        try:
            found.append(_alone.decode(entry))
        except msgspec.ValidationError:
            continue
    return [identity for identity in found if identity]
