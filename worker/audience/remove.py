"""Removes people who left from the list, after everybody who joined is on it.

It removes the relationship and never unsubscribes: that would change the consent of people who only left an audience.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from identity import sending
from identity.identifiers import EMAIL
from identity.leaving import Leaver
from identity.leaving import leaving as of_leaver
from klaviyo.lookups import FoundProfile, folded
from mappings.identifiers import canonical_email
from queues.people.identity_tokens import audience_token
from worker.delivery import Delivery
from worker.errors import Later
from worker.lists import list_of
from worker.people.late_news import MovedEmail
from worker.people.leavers import Leavers, known_leavers, without_strangers
from worker.people.profile_names import Theirs, names_going, note_gone, without_members
from worker.people.proving import members
from worker.progress import Rejection

log = logging.getLogger(__name__)

#: People looked up between two notes of the progress: a batch stopped by a rate limit repeats at most these.
AT_ONCE: Final = 1_000
#: Warning: the person to remove is not on the list.
NOT_ON_LIST = "not_on_list"
_STILL_THERE = "Klaviyo still shows the person on the list after three removal requests; check the list, then replay"


def remove(delivery: Delivery, moved: Sequence[MovedEmail]) -> None:
    """Look up the leavers and remove those who are on the list. Raises Later, NotAccepted, LeaseLost.

    `moved`: the earlier e-mails of people who joined under a new one.
    """
    persons = _leaving(delivery)
    if not persons and not moved:
        return
    leaving = known_leavers(delivery, persons)
    leavers = leaving.by_person
    list_id = list_of(delivery, create=False)
    state, going = delivery.progress.gone, names_going(delivery, leavers)
    todo = [*({*leavers, *(each.joined for each in moved)} - state.found)]
    for start in range(0, len(todo), AT_ONCE):
        some = {*todo[start : start + AT_ONCE]}
        _remove_some(delivery, list_id, leaving, some, [each for each in moved if each.joined in some], going)
        state.found |= some
        state.tries = 0
        delivery.note()
    people = len(leavers) + len(moved)
    log.info(
        "batch %s: %d people left, %d of them were on list %s and were removed",
        delivery.batch.id,
        people,
        people - len(state.missing or ()),
        list_id,
        extra={"fields": {"stage": "removed", "people": people, "on_list": people - len(state.missing or ())}},
    )


def _remove_some(
    delivery: Delivery,
    list_id: str | None,
    leaving: Leavers,
    some: set[int],
    moved: Sequence[MovedEmail],
    going: set[str],
) -> None:
    leavers = {person: leaver for person, leaver in leaving.by_person.items() if person in some}
    found, listed = _profiles(delivery, leavers.values(), list_id, moved) if list_id else ({}, set())
    leavers = without_strangers(delivery, leaving, leavers, found.values())
    theirs = without_members(delivery, _theirs(delivery, leavers, found), found, going)
    wanted = {*(each.profile_id for each in moved), *(profile for ids in theirs.values() for profile in ids)}
    owners = [*leaving.delivered, *((each.profile_id, each.person) for each in moved)]
    wanted -= _of_members(delivery, {each: found[each] for each in wanted if each in found}, owners)
    others = [found[each] for each in wanted - listed if each in found]
    there = (wanted & listed) | (members(delivery, others, list_id) if list_id else set())
    gone = {each: found[each] for each in there}
    _note_found(delivery, theirs, moved, gone)
    if list_id and there:
        _take_off(delivery, list_id, gone, theirs)


def _leaving(delivery: Delivery) -> list[int]:
    """Return everybody who leaves; people without an identifier or with a wrong e-mail are rejected with the reason."""
    found = []
    for person, intent in delivery.intents.items():
        if intent.membership != "remove" or person in delivery.progress.rejected:
            continue
        people = delivery.people
        is_anybody = people.named(intent.indexes) and not people.who(intent.last).wrong
        mapped = None if is_anybody or people.is_member(intent.indexes) else people.mapped([intent.last])
        if isinstance(mapped, Rejection):
            delivery.progress.rejected[person] = mapped
        else:
            found.append(person)
    return found


def _of_members(
    delivery: Delivery, wanted: Mapping[str, FoundProfile], delivered: Iterable[tuple[str, bytes]]
) -> set[str]:
    """Return a leaver's former profiles that now belong to another member: they were renamed or reassigned."""
    memory, on_this = delivery.identities, audience_token(delivery.batch.queue)
    owners: dict[str, set[bytes]] = {}
    for profile_id, person in delivered:
        owners.setdefault(profile_id, set()).add(person)
    shown = {
        profile_id: memory.hash((EMAIL, canonical_email(profile.email)))
        for profile_id, profile in wanted.items()
        if profile.email and profile_id in owners
    }
    others = {profile_id: person for profile_id, person in shown.items() if person not in owners[profile_id]}
    joining = {delivery.hash_of(person) for person, intent in delivery.intents.items() if intent.membership == "add"}
    known = memory.people(list(set(others.values()))) if others else {}
    staying = joining | {person for person, each in known.items() if on_this in each.audiences}
    leaving = {delivery.hash_of(person) for person, intent in delivery.intents.items() if intent.membership == "remove"}
    return {profile_id for profile_id, person in others.items() if person in staying - leaving}


def _note_found(
    delivery: Delivery, theirs: Theirs, moved: Iterable[MovedEmail], there: Mapping[str, FoundProfile]
) -> None:
    """Note who is removed, and warn of leavers who are not on the list; only once, because the removal changes that."""
    state, people = delivery.progress.gone, {*theirs, *(each.joined for each in moved)}
    if people <= state.again:
        return
    missing = {person for person, ids in theirs.items() if there.keys().isdisjoint(ids)}
    state.again |= people
    state.missing = (state.missing or set()) | missing
    for person in missing:
        delivery.warn(person, NOT_ON_LIST)
    note_gone(delivery, [*theirs.items(), *((each.joined, [each.profile_id]) for each in moved)], there)
    if there:
        delivery.note()


def _take_off(delivery: Delivery, list_id: str, there: Mapping[str, FoundProfile], theirs: Theirs) -> None:
    delivery.klaviyo.remove_members(list_id, sorted(there))
    if delivery.to.identity.prove == "off":
        return
    state = delivery.progress.gone
    still = members(delivery, there.values(), list_id)
    if not still:
        return
    state.tries += 1
    if (wait := sending.next_look_s(state.tries)) is not None:
        raise Later(f"{len(still)} people are still on the list; they are removed again", wait)
    for person, ids in theirs.items():
        if not still.isdisjoint(ids):
            delivery.reject(person, "not_removed", {"detail": _STILL_THERE, "list": list_id})


def _profiles(
    delivery: Delivery, leavers: Iterable[Leaver], list_id: str, moved: Iterable[MovedEmail]
) -> tuple[dict[str, FoundProfile], set[str]]:
    """Return every profile that could be a leaver's, by id, and the ids on the list. Raises NotAccepted."""
    klaviyo, leavers = delivery.klaviyo, list(leavers)
    emails = list({each.email for each in leavers if each.email})
    external_ids = list({value for each in leavers for value in each.external_ids})
    phones = list({value for each in leavers for value in each.phones})
    remembered = list(
        {value for each in leavers for value in each.delivered | each.by_ids} | {each.profile_id for each in moved}
    )
    listed = klaviyo.find_members(list_id, "email", emails) if emails else []
    listed += klaviyo.find_members(list_id, "phone_number", phones) if phones else []
    others = klaviyo.find_profiles("external_id", external_ids) if external_ids else []
    known = {each.id: each for each in (*listed, *others)}
    missing = [each for each in remembered if each not in known]
    known |= {each.id: each for each in (klaviyo.find_profiles("id", missing) if missing else [])}
    return known, {each.id for each in listed}


def _theirs(delivery: Delivery, leavers: Mapping[int, Leaver], found: dict[str, FoundProfile]) -> dict[int, list[str]]:
    """Return the profile ids of each leaver."""
    of = _ByIdentifier(found.values())
    staying = {
        delivery.people.who(i).email
        for intent in delivery.intents.values()
        if intent.membership == "add"
        for i in intent.indexes
    } - {""}
    return {person: of_leaver(leaver, of.leaver(leaver), staying) for person, leaver in leavers.items()}


class _ByIdentifier:
    """An index that finds the profiles with any of a leaver's identifiers."""

    def __init__(self, found: Iterable[FoundProfile]) -> None:
        self._by: dict[tuple[str, str], dict[str, FoundProfile]] = {}
        for each in found:
            pairs = {"id": each.id, "email": folded("email", each.email or ""), "external_id": each.external_id}
            for name, value in {**pairs, "phone": each.phone_number}.items():
                if value:
                    self._by.setdefault((name, value), {})[each.id] = each

    def leaver(self, leaver: Leaver) -> list[FoundProfile]:
        wanted = [("id", each) for each in leaver.delivered | leaver.by_ids]
        wanted += [("email", leaver.email), *(("external_id", each) for each in leaver.external_ids)]
        wanted += [("phone", each) for each in leaver.phones]
        return list({id_: each for pair in wanted for id_, each in self._by.get(pair, {}).items()}.values())
