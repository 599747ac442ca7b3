"""Checks who is on the list after an import, because a complete import says nothing about the list."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from identity import sending
from identity.sending import first_of
from klaviyo.lookups import FoundProfile, by_value
from mappings.identifiers import canonical_email
from mappings.profile import Profile
from worker.delivery import Delivery
from worker.errors import Later
from worker.lists import list_of
from worker.people.batch_people import identifiers_of
from worker.people.profile_names import note_joined
from worker.people.verifying import AT_ONCE, remember

log = logging.getLogger(__name__)

#: By person: the identifiers that were sent, by Klaviyo's names.
Sent = Mapping[int, Mapping[str, str]]
_MERGED = (
    "Klaviyo has the address as a second e-mail of another profile, which this person's profile was merged into; check "
    "that profile, and replay when the two are separate"
)
_NOT_THERE = (
    "Klaviyo imported the person twice and shows nobody with that address on the list; check the list and the profile "
    "in Klaviyo, then replay"
)
_NO_PROFILE = (
    "Klaviyo imported the person twice and shows no profile with that address; check whether it is suppressed or "
    "deleted"
)


def prove(delivery: Delivery) -> None:
    """Check that everybody who joined is on the list.

    Raises Later until the next check, NotAccepted when the list is gone, LeaseLost; people found so far are noted.
    """
    state, proving = delivery.progress, delivery.progress.joined
    joined = _joined(delivery)
    mode = delivery.to.identity.prove
    if not joined or mode == "off":
        state.unproved.update(joined)
        return
    _same_list(delivery)
    if mode == "sample" and proving.missing is None and not proving.found and not proving.again:
        some = joined[: sending.SAMPLE]
        if not _check(delivery, some):
            state.unproved.update({*joined}.difference(some))
            return
    asked = [person for person in joined if proving.missing is None or person in proving.missing]
    if lost := _check(delivery, asked):
        _again_or_reject(delivery, {person: given(delivery, person) for person in sorted(lost)})


def _joined(delivery: Delivery) -> list[int]:
    """Return everybody whom an import added to the list."""
    state = delivery.progress
    rows = dict.fromkeys(person for job in state.jobs if job.listed for person in job.rows)
    return [person for person in rows if person not in state.rejected]


def given(delivery: Delivery, person: int) -> dict[str, str]:
    """Return the identifiers that were sent with a person."""
    mapped = delivery.people.written(delivery.intents[person])
    known = identifiers_of(mapped) if isinstance(mapped, Profile) else {}
    left_out = delivery.progress.left_out.get(person, ())
    return {name: value for name, value in known.items() if name not in left_out}


def _leading(delivery: Delivery, person: int) -> dict[str, str]:
    """Return the identifying values: the e-mail, which needs no mapping, else all identifiers that were sent."""
    people = delivery.people
    address = next(filter(None, (people.who(i).email for i in delivery.intents[person].written)), "")
    return {"email": address} if address else given(delivery, person)


def _same_list(delivery: Delivery) -> None:
    """Upload everybody again when the audience's list has changed since. Raises Later in that case."""
    state = delivery.progress
    if list_of(delivery, create=True) != state.list_id:
        state.jobs = [job for job in state.jobs if not job.listed]
        state.joined.missing, state.joined.found = None, set()
        state.joined.tries, state.stage = 0, "upload"
        raise Later("the audience has another list now; its people are uploaded to it", 1.0)


def _check(delivery: Delivery, persons: Sequence[int]) -> set[int]:
    """Return the people who are not on the list, and remember the others. Raises NotAccepted."""
    proving = delivery.progress.joined
    asked = [person for person in persons if person not in proving.found]
    missing: set[int] = set()
    for start in range(0, len(asked), AT_ONCE):
        part = asked[start : start + AT_ONCE]
        absent = _missing(delivery, {person: _leading(delivery, person) for person in part})
        delivery.identities.flush()
        proving.found.update({*part} - absent)
        missing |= absent
    log.info(
        "batch %s: %d people looked up on list %s, %d of them are not there%s",
        delivery.batch.id,
        len(asked),
        delivery.progress.list_id,
        len(missing),
        "; they are looked up again" if missing else "",
        extra={"fields": {"stage": "proved", "people": len(asked), "missing": len(missing)}},
    )
    return missing


def _missing(delivery: Delivery, sent: Sent) -> set[int]:
    list_id, profiles = delivery.progress.list_id, delivery.progress.profiles
    missing: set[int] = set()
    by_id = {profiles[person]: person for person in sent if person in profiles}
    shown = {each.id: each for each in delivery.klaviyo.find_profiles("id", list(by_id))} if by_id else {}
    there = members(delivery, shown.values())
    for profile_id, person in by_id.items():
        if profile_id in there:
            _note(delivery, person, sent[person], shown[profile_id])
        else:
            missing.add(person)
    sent = {person: given for person, given in sent.items() if person not in profiles}
    for first in ("email", "phone_number"):
        people = {person: given for person, given in sent.items() if first_of(given) == first}
        values = [given[first] for given in people.values()]
        found = by_value(delivery.klaviyo.find_members(list_id, first, values), first, values) if values else {}
        missing |= _absent(delivery, people, first, found)
    others = {person: given for person, given in sent.items() if first_of(given) == "external_id"}
    return missing | _without_address(delivery, others)


def _absent(delivery: Delivery, people: Sent, first: str, found: Mapping[str, FoundProfile]) -> set[int]:
    missing = set()
    for person, given in people.items():
        profile = found.get(given[first])
        if profile is None:
            missing.add(person)
        else:
            _note(delivery, person, given, profile)
    return missing


def _without_address(delivery: Delivery, people: Sent) -> set[int]:
    """Return the missing people with an external id only; the list is searched by their profiles' addresses."""
    ids = [given["external_id"] for given in people.values()]
    known = by_value(delivery.klaviyo.find_profiles("external_id", ids), "external_id", ids) if ids else {}
    on_list = members(delivery, known.values())
    missing = set()
    for person, given in people.items():
        profile = known.get(given["external_id"])
        if profile is None or profile.id not in on_list:
            missing.add(person)
        else:
            _note(delivery, person, given, profile)
    return missing


def _note(delivery: Delivery, person: int, given: Mapping[str, str], profile: FoundProfile) -> None:
    remember(delivery, person, profile)
    if delivery.keeps_members:
        note_joined(delivery, person, given, profile)


def members(delivery: Delivery, profiles: Iterable[FoundProfile], list_id: str = "") -> set[str]:
    """Return the ids of the given profiles that are on the list."""
    list_id = list_id or delivery.progress.list_id
    some = list({profile.id: profile for profile in profiles}.values())
    found: set[str] = set()
    emails = [each.email for each in some if each.email]
    phones = [each.phone_number for each in some if each.phone_number and not each.email]
    if emails:
        found |= {each.id for each in delivery.klaviyo.find_members(list_id, "email", emails)}
    if phones:
        found |= {each.id for each in delivery.klaviyo.find_members(list_id, "phone_number", phones)}
    for each in some:
        # One request each, 60 a minute: few people have neither.
        if not each.email and not each.phone_number and list_id in (delivery.klaviyo.lists_of(each.id) or ()):
            found.add(each.id)
    return found & {each.id for each in some}


def _again_or_reject(delivery: Delivery, lost: Sent) -> None:
    """Check again later, then send once more, then reject. Raises Later except after a rejection."""
    state = delivery.progress.joined
    state.missing = set(lost)
    state.tries += 1
    if (wait := sending.next_look_s(state.tries)) is not None:
        raise Later(f"{len(lost)} people are not on the list yet; they are looked up again", wait)
    merged = _merged(delivery, lost)
    once_more = set(lost) - merged.keys() - state.again
    for person in lost.keys() - once_more:
        _reject(delivery, person, lost[person], merged.get(person))
    if once_more:
        state.again |= once_more
        state.tries, state.missing = 0, None
        for job in delivery.progress.jobs:
            job.rows = [person for person in job.rows if person not in once_more]
        delivery.progress.stage = "upload"
        raise Later(f"{len(once_more)} people are not on the list; they are sent once more", 1.0)


def _merged(delivery: Delivery, lost: Sent) -> dict[int, FoundProfile]:
    """Return the people whose address leads to a profile with another address; one request each."""
    found = {}
    for person, given in lost.items():
        if address := given.get("email"):
            for profile in delivery.klaviyo.find_profiles("email", [address]):
                if canonical_email(profile.email or "") != address:
                    found[person] = profile
    return found


def _reject(delivery: Delivery, person: int, given: Mapping[str, str], merged: FoundProfile | None) -> None:
    first = first_of(given)
    profiles: Sequence[FoundProfile] = [merged] if merged else delivery.klaviyo.find_profiles(first, [given[first]])  # type: ignore[arg-type]
    delivery.identities.doubt(delivery.hash_of(person))
    delivery.identities.flush()
    detail = _MERGED if merged else _NOT_THERE if profiles else _NO_PROFILE
    found = {"profile": profiles[0].id} if profiles else {}
    reason = "merged_profile" if merged else "not_on_list"
    delivery.reject(person, reason, {"detail": detail, **found, "list": delivery.progress.list_id})
