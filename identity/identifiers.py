"""What of a change identifies its person, in the one spelling in which persons are compared.

Kinds, strongest first: `email`; `external_id` (Klaviyo's); a CDP's own ids `mpid` and `user_id`; `phone`;
`anonymous_id`.

The person keys of a change: by them the ledger keeps the order of changes that share any identifier (rule 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from identity.blocked import DEFAULT, Blocked
from mappings import attributes, email, identifiers, phone
from mappings.person import Identity, Person
from mappings.rules import Rules
from queues.change import person_key

EMAIL: Final = "email"
EXTERNAL_ID: Final = "external_id"
PHONE: Final = "phone"
#: Ids by which a CDP knows a person, and Klaviyo does not. One has one e-mail at a time.
OWN: Final = ("mpid", "user_id")
#: Of a device, which a family may share.
ANONYMOUS: Final = "anonymous_id"
STRENGTH: Final = (EMAIL, EXTERNAL_ID, *OWN, PHONE, ANONYMOUS)
_ORDER: Final = {kind: place for place, kind in enumerate(STRENGTH)}

#: Kind and value of one identifier.
Named = tuple[str, str]


class Identifiers(msgspec.Struct, frozen=True, gc=False):
    """The identifiers of one change, strongest first, each kind at most once but for the CDP's own.

    `wrong`: there is an e-mail and it is none, so that no other identifier may stand for its owner. `left_out`: kinds
    of which a value came that is blocked.
    """

    named: tuple[Named, ...] = ()
    wrong: bool = False
    left_out: tuple[str, ...] = ()

    def value(self, kind: str) -> str:
        """The value of a kind; empty where there is none."""
        return next((value for name, value in self.named if name == kind), "")

    @property
    def email(self) -> str:
        """The canonical e-mail; empty without one that is valid."""
        return self.named[0][1] if self.named and self.named[0][0] == EMAIL else ""

    @property
    def name(self) -> Named | None:
        """What stands for the person: the e-mail, else the strongest identifier; None when nothing does."""
        return self.named[0] if self.named else None

    def without(self, shared: Callable[[Named], bool]) -> Identifiers:
        """The same without values that too many people share."""
        kept = tuple(each for each in self.named if not shared(each))
        return self if len(kept) == len(self.named) else msgspec.structs.replace(self, named=kept)


def made(found: Iterable[Named], blocked: Blocked = DEFAULT, *, wrong: bool = False) -> Identifiers:
    """From canonical values in any order; blocked and empty ones are left out."""
    kept: dict[Named, None] = {}
    left_out: dict[str, None] = {}
    for kind, value in found:
        if not value:
            continue
        if blocked.holds(kind, value):
            left_out[kind] = None
        else:
            kept[kind, value] = None
    return Identifiers(tuple(sorted(kept, key=lambda each: _ORDER[each[0]])), wrong, tuple(left_out))


def of_email(values: Iterable[str]) -> tuple[str, bool]:
    """The first valid address in its canonical form, and whether there were only wrong ones."""
    given = False
    for value in values:
        if address := email.canonical(value):
            given = True
            if email.is_valid(address):
                return address, False
    return "", given


def of_phone(value: str, region: str | None) -> str:
    """E.164 as persons are compared by it; empty for what is no phone, or cannot be read without a country."""
    return phone.comparable(value, region) or ""


def of_id(value: str) -> str:
    """An id, exactly as it is but for surrounding space: ids are case-sensitive."""
    return value.strip()


def of_person(person: Person, rules: Rules, blocked: Blocked = DEFAULT) -> Identifiers:
    """The identifiers of a person as a stored change describes one, by the rules of its destination."""
    address, wrong = of_email(each.value for each in person.identities if each.type == EMAIL and each.encoding == "raw")
    hashed = any(each.type == EMAIL and each.encoding != "raw" for each in person.identities)
    return made([(EMAIL, address), *_others(person, rules)], blocked, wrong=wrong or (hashed and not address))


def _others(person: Person, rules: Rules) -> Iterator[Named]:
    seen: set[str] = set()
    for each in person.identities:
        kind = _kind(each.type, rules)
        if kind in (None, EMAIL) or each.encoding != "raw" or (kind in seen and kind not in OWN):
            continue
        value = of_phone(each.value, _region(person, rules, each.value)) if kind == PHONE else of_id(each.value)
        if value:
            seen.add(kind)
            if kind != EXTERNAL_ID or identifiers.is_external_id(value):
                yield kind, value


def _kind(type_: str, rules: Rules) -> str | None:
    name = identifiers.identifier(type_, rules)
    if name is not None:
        return PHONE if name == identifiers.PHONE else name
    return type_ if type_ in OWN or type_ == ANONYMOUS else None


def _region(person: Person, rules: Rules, number: str) -> str | None:
    """The country by which a phone is read; not looked for where the number names its own."""
    if number.lstrip().startswith("+"):
        return None
    return phone.region_of(attributes.country(person, rules), rules.default_country)


def usable(person: Person, rules: Rules, blocked: Blocked, shared: Callable[[Named], bool]) -> Person:
    """The person without the identities whose value is blocked, or shared by too many people."""

    def identifies(each: Identity) -> bool:
        kind = _kind(each.type, rules)
        if kind is None or each.encoding != "raw":
            return True
        value = of_phone(each.value, _region(person, rules, each.value)) if kind == PHONE else of_id(each.value)
        if kind == EMAIL:
            value = email.canonical(each.value)
        return not (value and (blocked.holds(kind, value) or shared((kind, value))))

    return msgspec.structs.replace(person, identities=tuple(filter(identifies, person.identities)))


#: A stored change has room for nine.
MOST: Final = 9
#: Behind the one that names the person: those that have one e-mail at a time come first; remembering.py relies on it.
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
