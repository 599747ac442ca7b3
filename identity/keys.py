"""The person keys of a change: by them the ledger keeps the order of changes that share any identifier (rule 2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from identity.identifiers import ANONYMOUS, EMAIL, EXTERNAL_ID, OWN, PHONE, Identifiers, Named
from queues.change import person_key

#: A stored change has room for nine.
MOST: Final = 9
#: Behind the one that names the person: those that have one e-mail at a time come first (`recalling.py` relies on it).
_BEHIND: Final = (EMAIL, *OWN, EXTERNAL_ID, PHONE, ANONYMOUS)


def keys_of(who: Identifiers, mparticle_account: int | None = None, besides: Iterable[Named] = ()) -> tuple[str, ...]:
    """At most nine keys, none when nothing identifies the person; the first one names the person.

    `mparticle_account`: whose mpids they are. `besides`: identifiers that the rules of the destination may yet make
    some of Klaviyo's.
    """
    if who.name is None:
        return ()
    behind = sorted(who.named[1:], key=lambda named: _BEHIND.index(named[0]))
    found = dict.fromkeys(_key(named, mparticle_account) for named in (who.name, *behind, *besides))
    return tuple(found)[:MOST]


def typed_phone(number: str) -> tuple[str, ...]:
    """The key of a change that has nothing but a phone whose country nobody knows: it keeps the order of its
    repetitions.

    None for what has no digit.
    """
    digits = "".join(filter(str.isalnum, number)).lower()
    return (person_key("phone/typed", digits),) if any(map(str.isdigit, digits)) else ()


def key_of(named: Named) -> str:
    """The key of one identifier, but for an mpid, whose key has the account in it."""
    kind, value = named
    return person_key(kind, value.removeprefix("+") if kind == PHONE else value)


def _key(named: Named, mparticle_account: int | None) -> str:
    kind, value = named
    return person_key(kind, f"{mparticle_account}:{value}") if kind == "mpid" else key_of(named)
