"""Finds the people of earlier batches, and their profiles, by identifiers without an e-mail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from identity.identifiers import Named
from identity.leaving import meant
from klaviyo.lookups import FoundProfile
from mappings.identifiers import canonical_email
from queues.people.identities import Identities
from queues.people.identity_tokens import Holder, RememberedPerson, has_another
from worker.delivery import Delivery

#: By identifier: the people (hashes) who have it, each with the time (ms) of the change that said so.
Having = Mapping[Named, Sequence[tuple[bytes, int]]]
#: The detail of a dead letter `ambiguous_person`.
SEVERAL: Final = (
    "the change names a person by an id that belongs to several current e-mails; make the CDP send the e-mail with it, "
    "and replay"
)


class PersonMatch(NamedTuple):
    """The number of `people` meant.

    `profile_id`: the one person's, if these identifiers are not on the profile. `person`: the one person's hash, and
    `at`: when the newest of the identifiers that have one e-mail at a time became the person's (ms since 1970).
    """

    people: int
    profile_id: str = ""
    person: bytes = b""
    at: int = 0


def recognize(
    delivery: Delivery, asked: Mapping[int, Sequence[Named]], moving: frozenset[Named], times: Mapping[int, int]
) -> dict[int, PersonMatch]:
    """Return the person meant by each of these identifiers, strongest first. `moving`: ids with one e-mail at a time.

    `times`: the CDP's time (ms) of each. People who have left everything are meant only when nobody else has the
    identifier. Raises NotAccepted.
    """
    memory = delivery.identities
    having, known = holders(memory, asked.values(), moving)
    people = meant_at(memory, asked, moving, times, having, known)
    hidden = {
        index: some[0]
        for index, some in people.items()
        if len(some) == 1 and _is_hidden(memory, known[some[0]], asked[index])
    }
    profiles = _still_theirs(delivery, {person: known[person].profile_id for person in hidden.values()})
    found = {}
    for index, some in people.items():
        person = some[0] if len(some) == 1 else b""
        since = (at for named in moving.intersection(asked[index]) for who, at in having[named] if who == person)
        found[index] = PersonMatch(len(some), profiles.get(hidden.get(index, b""), ""), person, max(since, default=0))
    return found


def meant_at(
    memory: Identities,
    asked: Mapping[int, Sequence[Named]],
    moving: frozenset[Named],
    times: Mapping[int, int],
    having: Having,
    known: Mapping[bytes, RememberedPerson],
) -> dict[int, list[bytes]]:
    """Return the people meant by each of these identifiers at its time, as `recognize` says."""
    now, people = current(having, known), {}
    for i, each in asked.items():
        earlier = {named: handed_on(memory, named, having[named], known, times[i]) for named in {*each} - moving}
        had = {named: earlier.get(named) or now[named] for named in each}
        people[i] = meant(each, had, moving) or meant(each, having, moving)
    return people


def holders(
    memory: Identities, asked: Iterable[Sequence[Named]], moving: Collection[Named] = ()
) -> tuple[Having, dict[bytes, RememberedPerson]]:
    """Return the people who were delivered under the identifiers of these changes, and the known facts about each.

    Records of people known only by another identifier of the same change are left out: they are the same person. A
    person with another value since counts only if nobody else has the identifier; for `moving` ids the newest change
    counts.
    """
    alone: dict[Named, set[bytes]] = {}
    for leading in asked:
        for named in leading:
            alone.setdefault(named, set()).update(map(memory.hash, leading))
    hashed = {named: memory.hash(named) for named in alone}
    found = memory.holders(list(hashed.values()))
    known = memory.people(list({holder.person for each in found.values() for holder in each}))
    having = {}
    for named, each in hashed.items():
        some = (holder for holder in found.get(each, ()) if holder.person not in alone[named])
        people: Sequence[Holder] = [holder for holder in some if holder.person in known]
        people = people if named in moving else present(named[0], each, people, known)
        having[named] = [(holder.person, holder.at) for holder in people]
    return having, known


def present(
    kind: str, hashed: bytes, having: Sequence[Holder], known: Mapping[bytes, RememberedPerson]
) -> Sequence[Holder]:
    """Return the people who have an identifier now; if nobody has, those who had it."""
    return [each for each in having if not has_another(known[each.person], kind, hashed)] or having


def handed_on(
    memory: Identities,
    named: Named,
    having: Sequence[tuple[bytes, int]],
    known: Mapping[bytes, RememberedPerson],
    at: int,
) -> list[tuple[bytes, int]]:
    """Return the people who had an identifier at a time (ms), if everybody who has it now got it after that.

    `having`: the people who have it now. Nobody is returned unless somebody had it at that time and got another value
    later.
    """
    if not having or any(since <= at for _, since in having):
        return []
    found = memory.holders([hashed := memory.hash(named)]).get(hashed, ())
    before = [each for each in found if each.at <= at and each.person in known]
    return [(each.person, each.at) for each in before if memory.since(each.person, known[each.person], named[0]) > at]


def current(having: Having, known: Mapping[bytes, RememberedPerson], joining: Collection[bytes] = ()) -> Having:
    """Return only the people who have not left since, or are `joining` again."""
    return {
        named: [each for each in people if known[each[0]].audiences or each[0] in joining]
        for named, people in having.items()
    }


def _is_hidden(memory: Identities, known: RememberedPerson, leading: Sequence[Named]) -> bool:
    """Return whether the person's profile has none of the identifiers. Without a look-up, all of them were sent."""
    return bool(known.profile_id) and known.on.isdisjoint(map(memory.short, leading))


def _still_theirs(delivery: Delivery, profiles: Mapping[bytes, str]) -> dict[bytes, str]:
    """Return the profiles, by person, that still have the person's identifier.

    Klaviyo silently drops an event for a profile that was merged or deleted.
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
        ("email", canonical_email(found.email or "")),
        ("external_id", found.external_id or ""),
        ("phone", found.phone_number or ""),
    )
    return [named for named in given if named[1]]
