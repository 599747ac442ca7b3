"""The names that the membership ledger may use for the profiles of a batch, so that no profile is a member twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from klaviyo.lookups import FoundProfile
from mappings.profile import Profile
from queues.snapshots import members
from worker.delivery import Delivery
from worker.snapshots.baseline import identities

#: Profile ids by the person whose change takes them off.
Theirs = Mapping[int, Sequence[str]]


def of_profile(profile: FoundProfile) -> list[str]:
    """Return all names that the ledger may use for a profile, strongest first. Pure."""
    known = {"email": profile.email, "external_id": profile.external_id, "phone_number": profile.phone_number}
    return identities(known)


def note_joined(delivery: Delivery, person: int, given: Mapping[str, str], profile: FoundProfile) -> None:
    """Note the other names of a joined person's profile found on the list. `given`: the identifiers sent."""
    own = members.identity(given)
    others = [name for name in of_profile(profile) if name != own]
    if others:
        delivery.progress.joined.names[person] = others


def note_gone(
    delivery: Delivery, theirs: Iterable[tuple[int, Sequence[str]]], there: Mapping[str, FoundProfile]
) -> None:
    """Note the names of the profiles in `there`, which are removed from the list."""
    if not delivery.keeps_members:
        return
    names, staying = delivery.progress.gone.names, joined_names(delivery)
    for person, ids in theirs:
        found = {name for each in ids if each in there for name in of_profile(there[each])}
        names[person] = sorted({*names.get(person, ()), *(found - staying)})


def joined_names(delivery: Delivery) -> set[str]:
    """Return all names that the ledger may use for people who join with this batch."""
    found = {name for names in delivery.progress.joined.names.values() for name in names}
    for person, intent in delivery.intents.items():
        if intent.membership == "add" and person not in delivery.progress.rejected:
            mapped = delivery.people.written(intent)
            own = members.identity(mapped.attributes) if isinstance(mapped, Profile) else None
            found |= {own} if own else set()
    return found


def names_going(delivery: Delivery, persons: Iterable[int]) -> set[str]:
    """Return the ledger's names of the leavers whom a snapshot removes."""
    return {_own(delivery, person) for person in persons if delivery.people.is_member(delivery.intents[person].indexes)}


def without_members(
    delivery: Delivery, theirs: Theirs, found: Mapping[str, FoundProfile], going: set[str]
) -> dict[int, Sequence[str]]:
    """Return the profiles of each leaver that do not stay on the list. `going`: names of all members who leave.

    A snapshot removes a member, not a person: a profile that is another member's as well, or joins under another
    identifier, stays on the list. The same holds when the ledger had two names for it.
    """
    leaving = {person for person in theirs if delivery.people.is_member(delivery.intents[person].indexes)}
    if not leaving:
        return {**theirs}
    names = {each: {*of_profile(found[each])} - going for person in leaving for each in theirs[person]}
    staying = joined_names(delivery) | in_ledger(delivery, {name for each in names.values() for name in each})
    kept: dict[int, Sequence[str]] = {}
    for person, ids in theirs.items():
        left = [each for each in ids if person not in leaving or names[each].isdisjoint(staying)]
        if left or not ids:
            kept[person] = left
    return kept


def _own(delivery: Delivery, person: int) -> str:
    named = dict(delivery.people.named(delivery.intents[person].indexes))
    known = {"email": named.get("email"), "external_id": named.get("external_id"), "phone_number": named.get("phone")}
    return str(members.identity(known))


def in_ledger(delivery: Delivery, names: Iterable[str]) -> set[str]:
    """Return the names that are members."""
    by_bucket: dict[int, set[str]] = {}
    for name in names:
        by_bucket.setdefault(members.bucket_of(name), set()).add(name)
    known = members.read(delivery.redis, delivery.batch.queue, by_bucket)
    return {name for number, bucket in known.items() for name in by_bucket[number] if name in bucket.members}
