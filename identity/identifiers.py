"""The identifiers of a change in the canonical form in which persons are compared, and its person keys.

Kinds, strongest first: `email`; `external_id` (Klaviyo's); a CDP's ids `mpid` and `user_id`; `phone`; `anonymous_id`.

The ledger uses the person keys to keep the order of changes that share any identifier (rule 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from identity.blocked import DEFAULT, Blocked
from mappings import attributes, identifiers, phone
from mappings.identifiers import canonical_email, is_email
from mappings.person import Identity, Person
from mappings.rules import Rules
from queues.change import person_key

EMAIL: Final = "email"
EXTERNAL_ID: Final = "external_id"
PHONE: Final = "phone"
#: Ids of a person in the CDP that Klaviyo does not know. Such an id has one e-mail at a time.
OWN: Final = ("mpid", "user_id")
#: The id of a device, which a family may share.
ANONYMOUS: Final = "anonymous_id"
STRENGTH: Final = (EMAIL, EXTERNAL_ID, *OWN, PHONE, ANONYMOUS)
_ORDER: Final = {kind: place for place, kind in enumerate(STRENGTH)}
#: Kind and value of one identifier.
Named = tuple[str, str]
#: The number of person keys for which a stored change has room.
MOST: Final = 9
#: The order after the key that names the person. Ids with one e-mail at a time come first; remembering.py relies on it.
_BEHIND: Final = {kind: place for place, kind in enumerate((EMAIL, *OWN, EXTERNAL_ID, PHONE, ANONYMOUS))}


class Identifiers(msgspec.Struct, frozen=True, gc=False):
    """The identifiers of one change, strongest first; only the CDP's kinds may have several values.

    `wrong`: the change has an e-mail and it is invalid, so no other identifier may replace it. `left_out`: kinds with a
    blocked value.
    """

    named: tuple[Named, ...] = ()
    wrong: bool = False
    left_out: tuple[str, ...] = ()

    def value(self, kind: str) -> str:
        """Return the value of a kind; empty if there is none."""
        return next((value for name, value in self.named if name == kind), "")

    @property
    def email(self) -> str:
        """The canonical e-mail; empty if there is no valid one."""
        return self.named[0][1] if self.named and self.named[0][0] == EMAIL else ""

    @property
    def name(self) -> Named | None:
        """The identifier that names the person: the e-mail, else the strongest one; None if there is none."""
        return self.named[0] if self.named else None

    def without(self, shared: Callable[[Named], bool]) -> Identifiers:
        """Return the identifiers without values that too many people share."""
        kept = tuple(each for each in self.named if not shared(each))
        return self if len(kept) == len(self.named) else msgspec.structs.replace(self, named=kept)


def made(found: Iterable[Named], blocked: Blocked = DEFAULT, *, wrong: bool = False) -> Identifiers:
    """Build Identifiers from canonical values in any order, without blocked and empty ones."""
    kept: dict[Named, None] = {}
    left_out: dict[str, None] = {}
    for named in found:
        kind, value = named
        if not value:
            continue
        if blocked.holds(kind, value):
            left_out[kind] = None
        else:
            kept[named] = None
    return Identifiers(tuple(sorted(kept, key=_strength)), wrong, tuple(left_out))


def _strength(named: Named) -> int:
    return _ORDER[named[0]]


def _place_behind(named: Named) -> int:
    return _BEHIND[named[0]]


def of_email(values: Iterable[str], blocked: Blocked = DEFAULT) -> tuple[str, bool]:
    """Return the first valid address in its canonical form, and whether there were only invalid ones.

    `null` and the like do not count: they are no address that somebody has mistyped.
    """
    given = False
    for value in values:
        if (address := canonical_email(value)) and ("@" in address or not blocked.holds(EMAIL, address)):
            given = True
            if is_email(address):
                return address, False
    return "", given


def of_phone(value: str, region: str | None) -> str:
    """Return a phone as E.164; empty for text that is not a phone or cannot be read without a country."""
    return phone.comparable(value, region) or ""


def of_id(value: str) -> str:
    """Return an id without surrounding space and otherwise unchanged: ids are case-sensitive."""
    return value.strip()


def of_person(person: Person, rules: Rules, blocked: Blocked = DEFAULT) -> Identifiers:
    """Return the identifiers of the person of a stored change, by the rules of its destination."""
    emails = [each.value for each in person.identities if each.type == EMAIL and each.encoding == "raw"]
    address, wrong = of_email(emails, blocked)
    hashed = any(each.type == EMAIL and each.encoding != "raw" for each in person.identities)
    nobody = [] if address or wrong else [(EMAIL, canonical_email(each)) for each in emails]
    return made([(EMAIL, address), *nobody, *_others(person, rules)], blocked, wrong=wrong or (hashed and not address))


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
    """Return the country for reading a phone; None when the number has a country code."""
    if number.lstrip().startswith("+"):
        return None
    return phone.region_of(attributes.country(person, rules), rules.default_country)


def usable(person: Person, rules: Rules, blocked: Blocked, shared: Callable[[Named], bool]) -> Person:
    """Return the person without identities whose value is blocked or shared by too many people."""

    def identifies(each: Identity) -> bool:
        kind = _kind(each.type, rules)
        if kind is None or each.encoding != "raw":
            return True
        value = of_phone(each.value, _region(person, rules, each.value)) if kind == PHONE else of_id(each.value)
        if kind == EMAIL:
            value = canonical_email(each.value)
        return not (value and (blocked.holds(kind, value) or shared((kind, value))))

    return msgspec.structs.replace(person, identities=tuple(filter(identifies, person.identities)))


def keys_of(who: Identifiers, mparticle_account: int | None = None, besides: Iterable[Named] = ()) -> tuple[str, ...]:
    """Return at most nine keys, none when nothing identifies the person; the first one names the person.

    `mparticle_account`: the account of the mpids. `besides`: identifiers that the rules of the destination may still
    turn into Klaviyo's.
    """
    if not who.named:
        return ()
    name, *behind = who.named
    behind.sort(key=_place_behind)
    found = dict.fromkeys([_key(named, mparticle_account) for named in (name, *behind, *besides)])
    return tuple(found)[:MOST]


def typed_phone(number: str) -> tuple[str, ...]:
    """Return the key of a change with only a phone of unknown country, which keeps the order of its repetitions.

    Empty for text without a digit.
    """
    digits = "".join(filter(str.isalnum, number)).lower()
    return (person_key("phone/typed", digits),) if any(map(str.isdigit, digits)) else ()


def key_of(named: Named) -> str:
    """Return the key of one identifier; not for an mpid, whose key contains the account."""
    return _key(named, None)


def _key(named: Named, mparticle_account: int | None) -> str:
    kind, value = named
    if kind == "mpid":
        return person_key(kind, f"{mparticle_account}:{value}")
    return person_key(kind, value.removeprefix("+") if kind == PHONE else value)
