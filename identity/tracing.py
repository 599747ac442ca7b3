"""The identifiers of the person of a stored change, and the person keys of the person's other changes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from identity.blocked import Blocked
from identity.erasing import Trace
from identity.identifiers import (
    ANONYMOUS,
    EMAIL,
    EXTERNAL_ID,
    OWN,
    PHONE,
    STRENGTH,
    Identifiers,
    Named,
    key_of,
    of_id,
    of_person,
    of_phone,
    typed_phone,
)
from mappings.identifiers import ALTERNATE, PHONES, canonical_email, identifier
from mappings.person import Identity, Person
from mappings.rules import Rules
from queues.change import person_key

#: The id whose key contains mParticle's account.
_MPID: Final = OWN[0]
#: Identifiers whose keys earlier versions made from lower case.
_FOLDED: Final = (EMAIL, EXTERNAL_ID, OWN[1], ANONYMOUS)


class TracedChange(NamedTuple):
    """A stored change with its identifiers.

    `keys_by`: the keys of its identifiers, as far as known. `left_out`: keys of values that are blocked or shared by
    too many people.
    """

    trace: Trace
    keys_by: dict[Named, str]
    left_out: frozenset[str]


def read(
    person: Person, keys: Sequence[str], rules: Rules, blocked: Blocked, shared: Callable[[Named], bool]
) -> TracedChange:
    """Read the person of a change with these keys. `shared`: whether too many people share a value."""
    who = of_person(person, rules, blocked).without(shared)
    keys_by = {named: key_of(named) for named in who.named if named[0] != _MPID}
    # The first key that no other identity explains is the mpid's.
    unexplained = set(keys) - {key for each in person.identities for key in _all_keys(each, rules)}
    mpids = (named for named in who.named if named[0] == _MPID)
    keys_by |= zip(mpids, (key for key in keys if key in unexplained), strict=False)
    who = _with(who, _of_no_use_to_klaviyo(person, rules, blocked))
    return TracedChange(Trace(who, keys[0]), keys_by, frozenset(_left_out(person, rules, blocked, shared)))


def with_ids(trace: Trace, keys: Collection[str], ids: Iterable[Named]) -> Trace:
    """Return the trace with those `ids` that only its keys show, because earlier versions stored Segment's ids so."""
    kinds = {kind for kind, _ in trace.who.named}
    more = [each for each in ids if each[0] in OWN and each[0] not in kinds and not keys_under(each).isdisjoint(keys)]
    return trace._replace(who=_with(trace.who, more)) if more else trace


def keys_under(named: Named) -> set[str]:
    """Return the keys under which changes with an identifier may be stored; none for an mpid."""
    kind, value = named
    if kind == _MPID:
        return set()
    return {key_of(named), *([person_key(kind, value.lower())] if kind in _FOLDED else [])}


def _with(who: Identifiers, more: Iterable[Named]) -> Identifiers:
    named = sorted({*who.named, *more}, key=lambda each: (STRENGTH.index(each[0]), each[1]))
    return msgspec.structs.replace(who, named=tuple(named))


def _of_no_use_to_klaviyo(person: Person, rules: Rules, blocked: Blocked) -> Iterator[Named]:
    """Yield mParticle's ids that the rules do not turn into Klaviyo's, distinguished by their types."""
    for each in person.identities:
        value = of_id(each.value)
        unused = each.type in ALTERNATE and identifier(each.type, rules) is None
        if unused and each.encoding == "raw" and value and not blocked.holds(EXTERNAL_ID, value):
            yield EXTERNAL_ID, f"{each.type}:{value}"


def _left_out(person: Person, rules: Rules, blocked: Blocked, shared: Callable[[Named], bool]) -> Iterator[str]:
    for each in person.identities:
        named = _named(each, rules)
        if named and (blocked.holds(*named) or shared(named)):
            yield from _all_keys(each, rules)


def _named(identity: Identity, rules: Rules) -> Named | None:
    """Return kind and value of an identity as the person keys use them, independent of the rules."""
    if identity.encoding != "raw":
        return None
    if identity.type == EMAIL:
        return EMAIL, canonical_email(identity.value)
    if identity.type in (PHONE, *PHONES):
        return PHONE, of_phone(identity.value, rules.default_country)
    kind = EXTERNAL_ID if identity.type in ALTERNATE else identity.type
    return (kind, of_id(identity.value)) if kind in STRENGTH else None


def _all_keys(identity: Identity, rules: Rules) -> set[str]:
    """Return every key that this version and earlier ones make for one identity, except keys of mpids."""
    text = identity.value.strip()
    found = {person_key(f"{identity.type}/{identity.encoding}".lower(), text.lower())}
    if named := _named(identity, rules):
        found |= keys_under(named) | {person_key(named[0], text.lower())}
    return found | {*typed_phone(text)} if identity.type in (PHONE, *PHONES) else found
