"""The person keys of people as mParticle identifies them."""

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
from mappings.identifiers import ALTERNATE, PHONES, canonical_email, firehose_type
from queues.change import person_key

#: A missing encoding, and "none" of the Profile API, mean raw too.
_RAW: Final = frozenset({"", "raw", "none"})

_together = msgspec.json.Decoder(list[MParticleIdentity | None] | None)
_apart = msgspec.json.Decoder(list[Raw])
_alone = msgspec.json.Decoder(MParticleIdentity | None)


def person_keys(account_id: int | None, mpid: str | int | None, raw: Raw, connection: Connection) -> tuple[str, ...]:
    """Return at most nine keys; none when nothing identifies the person. `raw`: the array of user identities.

    The keys are those of the e-mail, the mpid, and all identities that the rules of an audience may make a phone or an
    external id.
    """
    identities = _identities(raw)
    return _keys(account_id, identities, [] if mpid is None else [str(mpid)], connection) or _other_keys(identities)


def check_identities(raw: Raw, place: str) -> None:
    """Raise TooMuch when an array of identities has too many."""
    if len(raw) < 2 * IDENTITIES or bytes(raw).count(b",") < IDENTITIES:
        return
    try:
        entries = _apart.decode(raw)
    except msgspec.ValidationError:  # not an array, so there are no identities
        return
    check_count(len(entries), IDENTITIES, "identities of one person", place)


def consent_keys(account_id: int | None, mpid: str | int | None, raw: Raw, connection: Connection) -> tuple[str, ...]:
    """Return the keys under which a consent is remembered: only the e-mail's when there is one."""
    keys = person_keys(account_id, mpid, raw, connection)
    return keys[:1] if _email(_unhashed(_identities(raw))) else keys


def subject_keys(
    account_id: int | None, identities: list[MParticleIdentity], connection: Connection
) -> tuple[str, ...]:
    """Return every key under which changes of a data subject may be pending, at most nine."""
    mpids = [each.value or "" for each in identities if (each.type or "").lower() == "mpid"]
    keys = _keys(account_id, identities, mpids, connection)
    return tuple(dict.fromkeys((*keys, *_other_keys(identities))))[:MOST]


def _keys(
    account_id: int | None, identities: list[MParticleIdentity], mpids: Iterable[str], connection: Connection
) -> tuple[str, ...]:
    raw = _unhashed(identities)
    found = [(EMAIL, _email(raw)), *[("mpid", of_id(value)) for value in mpids], *_others(raw, connection)]
    return keys_of(made(found, connection.identity.blocked), account_id)


def _unhashed(identities: list[MParticleIdentity]) -> list[MParticleIdentity]:
    """Return the identities that are not hashed. Nearly all say `raw`, which needs no closer look."""
    return [each for each in identities if each.encoding == "raw" or _encoding(each) == "raw"]


def _others(raw: list[MParticleIdentity], connection: Connection) -> Iterator[Named]:
    """Yield all identities that an audience's rules may make a phone or an external id; the rules are unknown here."""
    for each in raw:
        if each.type and each.value:
            type_ = firehose_type(each.type)
            if type_ in ALTERNATE:
                yield EXTERNAL_ID, of_id(each.value)
            elif type_ in PHONES:
                yield PHONE, of_phone(each.value, connection.rules.default_country)


def _email(raw: list[MParticleIdentity]) -> str:
    """Return the first valid raw e-mail, or else the first invalid one, which still identifies the person."""
    given = [each.value or "" for each in raw if each.type and each.type.lower() == EMAIL]
    address, _ = of_email(given)
    return address or next(filter(None, map(canonical_email, given)), "")


def _other_keys(identities: list[MParticleIdentity]) -> tuple[str, ...]:
    """Return keys for a person with other identities only, such as a hashed e-mail.

    Their change becomes a dead letter; the keys preserve its order.
    """
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
    """Return the entries that can be read: one malformed entry must not lose the person."""
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
