"""The person keys of a person as mParticle identifies them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Raw

from configuration.connections import Connection
from identity.identifiers import EMAIL, EXTERNAL_ID, MOST, PHONE, Named, keys_of, made, of_email, of_id, of_phone
from intake.http.faults import check_count
from intake.http.limits import IDENTITIES
from intake.mparticle.messages import MParticleIdentity
from mappings import email
from mappings.identifiers import ALTERNATE, PHONES, canonical
from queues.change import person_key

#: No encoding, and the Profile API's word for it, are raw too.
_RAW: Final = frozenset({"", "raw", "none"})

_together = msgspec.json.Decoder(list[MParticleIdentity | None] | None)
_apart = msgspec.json.Decoder(list[Raw])
_alone = msgspec.json.Decoder(MParticleIdentity | None)


def person_keys(account_id: int | None, mpid: str | int | None, raw: Raw, connection: Connection) -> tuple[str, ...]:
    """At most nine keys, none when nothing identifies the person. `raw`: the array of user identities.

    Those of the e-mail and the mpid, and of all that the rules of the audience may yet make a phone or an external id.
    """
    identities = _identities(raw)
    return _keys(account_id, identities, [] if mpid is None else [str(mpid)], connection) or _other_keys(identities)


def check_identities(raw: Raw, place: str) -> None:
    """Raise TooMuch where an array of identities has too many."""
    if len(raw) < 2 * IDENTITIES or bytes(raw).count(b",") < IDENTITIES:
        return
    try:
        entries = _apart.decode(raw)
    except msgspec.ValidationError:  # no array, and so nobody's identities
        return
    check_count(len(entries), IDENTITIES, "identities of one person", place)


def consent_keys(account_id: int | None, mpid: str | int | None, raw: Raw, connection: Connection) -> tuple[str, ...]:
    """The keys under which a consent is remembered: a consent is the e-mail's, whatever else is known of its owner."""
    keys = person_keys(account_id, mpid, raw, connection)
    return keys[:1] if _email(_identities(raw)) else keys


def subject_keys(
    account_id: int | None, identities: list[MParticleIdentity], connection: Connection
) -> tuple[str, ...]:
    """Every key under which changes of a data subject may wait, at most nine."""
    mpids = [each.value or "" for each in identities if (each.type or "").lower() == "mpid"]
    keys = _keys(account_id, identities, mpids, connection)
    return tuple(dict.fromkeys((*keys, *_other_keys(identities))))[:MOST]


def _keys(
    account_id: int | None, identities: list[MParticleIdentity], mpids: Iterable[str], connection: Connection
) -> tuple[str, ...]:
    address = _email(identities)
    found = [(EMAIL, address), *(("mpid", of_id(value)) for value in mpids), *_others(identities, connection)]
    return keys_of(made(found, connection.identity.blocked), account_id)


def _others(identities: list[MParticleIdentity], connection: Connection) -> Iterator[Named]:
    """What the rules of an audience may make a phone or an external id; which of them do is not known here."""
    for each in identities:
        if each.type and each.value and _encoding(each) == "raw":
            type_ = canonical(each.type)
            if type_ in ALTERNATE:
                yield EXTERNAL_ID, of_id(each.value)
            elif type_ in PHONES:
                yield PHONE, of_phone(each.value, connection.rules.default_country)


def _email(identities: list[MParticleIdentity]) -> str:
    """The first raw e-mail; one that is none tells the person from others, too."""
    raw = [each.value or "" for each in identities if (each.type or "").lower() == EMAIL and _encoding(each) == "raw"]
    address, _ = of_email(raw)
    return address or next(filter(None, map(email.canonical, raw)), "")


def _other_keys(identities: list[MParticleIdentity]) -> tuple[str, ...]:
    """Of a person who has nothing else, such as a hashed e-mail: their change is a dead letter, and keeps its order."""
    named = [i for i in identities if i.type and i.value and i.value.strip()]
    keys = {person_key(f"{i.type}/{_encoding(i)}".lower(), (i.value or "").strip().lower()): None for i in named}
    return tuple(keys)[:MOST]


def _encoding(identity: MParticleIdentity) -> str:
    encoding = (identity.encoding or "").lower()
    return "raw" if encoding in _RAW else encoding


def _identities(raw: Raw) -> list[MParticleIdentity]:
    if not (json := bytes(raw)):
        return []
    try:
        return [identity for identity in _together.decode(json) or () if identity]
    except msgspec.ValidationError:
        return _readable(json)


def _readable(json: bytes) -> list[MParticleIdentity]:
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
