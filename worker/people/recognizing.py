"""Recognizing: the people of earlier batches who are meant by identifiers without an e-mail, and their profiles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from identity.identifiers import Named
from identity.leaving import meant
from klaviyo.lookups import FoundProfile
from mappings import email
from queues.people.identities import Holder, Identities, RememberedPerson, has_another
from worker.delivery import Delivery

#: By identifier: the people (hashes), each with the time (s) at which they were told to have it.
Having = Mapping[Named, Sequence[tuple[bytes, int]]]
#: The kind of the name of somebody of an earlier batch, of whom nothing but the hash is known.
KNOWN: Final = "known"
#: The detail of a dead letter `ambiguous_person`.
SEVERAL: Final = (
    "the change names a person by an id that stands for several current e-mails; let the CDP send the e-mail with it, "
    "and replay"
)


class PersonMatch(NamedTuple):
    """How many `people` are meant. `profile_id`: of the one, where Klaviyo does not find it by these identifiers."""

    people: int
    profile_id: str = ""


def recognize(
    delivery: Delivery, asked: Mapping[int, Sequence[Named]], moving: frozenset[Named]
) -> dict[int, PersonMatch]:
    """Who is meant by each of these, strongest identifiers first. `moving`: those that have one e-mail at a time.

    People who have left everything are meant only where nobody else has the identifier. Raises NotAccepted.
    """
    memory = delivery.identities
    having, known = holders(memory, {named for leading in asked.values() for named in leading}, moving)
    now = current(having, known)
    people = {i: meant(each, now, moving) or _only(meant(each, having, moving)) for i, each in asked.items()}
    hidden = {
        index: some[0]
        for index, some in people.items()
        if len(some) == 1 and _is_hidden(memory, known[some[0]], asked[index])
    }
    profiles = _still_theirs(delivery, {person: known[person].profile_id for person in hidden.values()})
    return {index: PersonMatch(len(some), profiles.get(hidden.get(index, b""), "")) for index, some in people.items()}


def holders(
    memory: Identities, asked: Iterable[Named], moving: Collection[Named] = ()
) -> tuple[Having, dict[bytes, RememberedPerson]]:
    """The people who were delivered under these identifiers, and what is known of each.

    Somebody who is known by one of the identifiers alone is nobody else. Who has another one since counts where nobody
    else has it, but for those `moving`, of which the newest telling counts.
    """
    hashed = {named: memory.hash(named) for named in asked}
    alone = set(hashed.values())
    found = memory.holders(list(alone))
    known = memory.people(list({holder.person for each in found.values() for holder in each} - alone))
    having = {}
    for named, each in hashed.items():
        people: Sequence[Holder] = [holder for holder in found.get(each, ()) if holder.person in known]
        people = people if named in moving else present(named[0], each, people, known)
        having[named] = [(holder.person, holder.at) for holder in people]
    return having, known


def present(
    kind: str, hashed: bytes, having: Sequence[Holder], known: Mapping[bytes, RememberedPerson]
) -> Sequence[Holder]:
    """Those who have an identifier now; where nobody does, those who had it."""
    return [each for each in having if not has_another(known[each.person], kind, hashed)] or having


def hash_of(memory: Identities, name: Named) -> bytes:
    """The hash of a person by the name, or by what stands for it (`KNOWN`)."""
    return bytes.fromhex(name[1]) if name[0] == KNOWN else memory.hash(name)


def current(having: Having, known: Mapping[bytes, RememberedPerson]) -> Having:
    """Those of the people who have not left since."""
    return {named: [each for each in people if known[each[0]].audiences] for named, people in having.items()}


def _only(people: list[bytes]) -> list[bytes]:
    return people if len(people) == 1 else []


def _is_hidden(memory: Identities, known: RememberedPerson, leading: Sequence[Named]) -> bool:
    """Whether none of the identifiers is on the person's profile. Who was never looked up was sent with all of them."""
    return bool(known.profile_id) and known.on.isdisjoint(map(memory.short, leading))


def _still_theirs(delivery: Delivery, profiles: Mapping[bytes, str]) -> dict[bytes, str]:
    """Those of the profiles, by person, that have yet what names the person.

    Klaviyo says nothing where an event names a profile that was merged or deleted, and forgets the event.
    """
    memory = delivery.identities
    ids = sorted(set(profiles.values()))
    shown = {each.id: each for each in delivery.klaviyo.find_profiles("id", ids)} if ids else {}
    theirs = {}
    for person, profile_id in profiles.items():
        found = shown.get(profile_id)
        if found is not None and person in map(memory.hash, _named(found)):
            theirs[person] = profile_id
        else:
            memory.doubt(person)
    memory.flush()
    return theirs


def _named(found: FoundProfile) -> list[Named]:
    given = (
        ("email", email.canonical(found.email or "")),
        ("external_id", found.external_id or ""),
        ("phone", found.phone_number or ""),
    )
    return [named for named in given if named[1]]
