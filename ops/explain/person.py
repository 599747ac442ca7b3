"""Who is meant by an e-mail, a phone or an id: under what the ledger and Klaviyo may know the person. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from identity.identifiers import of_phone
from klaviyo.list_people import Identifier
from mappings.email import canonical
from mappings.phone import to_e164
from queues.change import person_key
from queues.snapshots.members import identity

#: A phone as people write it; an id of digits alone may be one, too.
_PHONE: Final = re.compile(r"\+?[\d\s().\-/]{6,}")
#: Kinds of the person keys that an id may have: in `/v1/changes`, in Segment's messages, of mParticle's customers.
_IDS: Final = ("external_id", "user_id", "anonymous_id", "customerid/raw")


@dataclass(frozen=True, slots=True)
class PersonQuery:
    """`keys`: person keys. `identifiers`: by what Klaviyo may know the person, the likeliest first."""

    given: str
    keys: tuple[str, ...]
    identifiers: tuple[tuple[Identifier, str], ...]

    @property
    def members(self) -> tuple[str, ...]:
        """How the membership ledger may name the person."""
        return tuple(name for pair in self.identifiers if (name := identity(dict([pair]))))

    @property
    def short(self) -> str:
        """What stands for the person where nobody may see who it is."""
        return self.keys[0][:8]


def person_query(given: str, region: str | None, mparticle_account: int | None) -> PersonQuery:
    """Everything that `given` may be. `region`: ISO alpha-2, of a phone without its country's code.

    `mparticle_account`: whose ids of people (mpids) it may be one of.
    """
    text = given.strip()
    keys = tuple(person_key(kind, value) for kind, value in _identities(text, region, mparticle_account) if value)
    return PersonQuery(text, keys, tuple(_identifiers(text, region)))


def _identities(text: str, region: str | None, mparticle_account: int | None) -> Iterator[tuple[str, str]]:
    if "@" in text:
        yield "email", canonical(text)
    if _PHONE.fullmatch(text):
        yield "phone", of_phone(text, region).removeprefix("+")
    yield from ((kind, text) for kind in _IDS)
    if mparticle_account is not None:
        yield "mpid", f"{mparticle_account}:{text}"


def _identifiers(text: str, region: str | None) -> Iterator[tuple[Identifier, str]]:
    e164 = to_e164(text, region) if _PHONE.fullmatch(text) else None
    if "@" in text:
        yield "email", canonical(text)
    if e164 and text.startswith("+"):
        yield "phone_number", e164
    yield "external_id", text
    if e164 and not text.startswith("+"):
        yield "phone_number", e164
