"""The keys and identifiers under which the ledger and Klaviyo may know a person, from an e-mail, phone or id. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from identity.identifiers import of_phone
from klaviyo.list_people import Identifier
from mappings.identifiers import canonical_email
from mappings.phone import to_e164
from queues.change import person_key
from queues.snapshots.members import identity

#: A phone as people write it; an id of digits may also match.
_PHONE: Final = re.compile(r"\+?[\d\s().\-/]{6,}")
#: Kinds of the person keys that an id may have: in `/v1/changes`, in Segment's messages, of mParticle's customers.
_IDS: Final = ("external_id", "user_id", "anonymous_id", "customerid/raw")


@dataclass(frozen=True, slots=True)
class PersonQuery:
    """A person to look up. `keys`: person keys. `identifiers`: those that Klaviyo may know, the most likely first."""

    given: str
    keys: tuple[str, ...]
    identifiers: tuple[tuple[Identifier, str], ...]

    @property
    def members(self) -> tuple[str, ...]:
        """Return the names that the person may have in the membership ledger."""
        return tuple(name for pair in self.identifiers if (name := identity(dict([pair]))))

    @property
    def short(self) -> str:
        """Return the name of the person where personal data is hidden."""
        return self.keys[0][:8]


def person_query(given: str, region: str | None, mparticle_account: int | None) -> PersonQuery:
    """Return everything that `given` may be. `region`: ISO alpha-2, for a phone without a country code.

    `mparticle_account`: the account whose mpid it may be.
    """
    text = given.strip()
    keys = tuple(person_key(kind, value) for kind, value in _identities(text, region, mparticle_account) if value)
    return PersonQuery(text, keys, tuple(_identifiers(text, region)))


def _identities(text: str, region: str | None, mparticle_account: int | None) -> Iterator[tuple[str, str]]:
    if "@" in text:
        yield "email", canonical_email(text)
    if _PHONE.fullmatch(text):
        yield "phone", of_phone(text, region).removeprefix("+")
    yield from ((kind, text) for kind in _IDS)
    if mparticle_account is not None:
        yield "mpid", f"{mparticle_account}:{text}"


def _identifiers(text: str, region: str | None) -> Iterator[tuple[Identifier, str]]:
    e164 = to_e164(text, region) if _PHONE.fullmatch(text) else None
    if "@" in text:
        yield "email", canonical_email(text)
    if e164 and text.startswith("+"):
        yield "phone_number", e164
    yield "external_id", text
    if e164 and not text.startswith("+"):
        yield "phone_number", e164
