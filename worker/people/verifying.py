"""Decides which identifiers are sent with a person, so that no profile is taken over by another person.

Before a second identifier is sent with a person for the first time, Ferry looks it up at Klaviyo and remembers the
answer. The identifier is claimed before the look-up, so that no other batch of Ferry uses it until it is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from identity.sending import TAKEN, IdentifierChoice, ProfileIdentifiers, alone, choose, first_of, once
from klaviyo.lookups import FoundProfile, ProfileField, by_value
from mappings.identifiers import canonical_email
from mappings.profile import Profile as Mapped
from queues import figures, owners
from queues.clock import now_ms
from queues.connections import accounts
from queues.people.identities import Identities, Named
from queues.people.identity_tokens import RememberedPerson, is_verified
from worker.delivery import Delivery
from worker.people.batch_people import KINDS, Identifier, identifiers_of
from worker.people.recognizing import recognize

log = logging.getLogger(__name__)

#: By person: the identifiers by Klaviyo's names.
Wanted = Mapping[int, Mapping[str, str]]
_FIELDS: tuple[ProfileField, ...] = ("email", "external_id", "phone_number")
#: People looked up between two notes of the progress: a batch stopped by a rate limit repeats at most these.
AT_ONCE: Final = 1_000
#: ms for which an open batch relies on Klaviyo's answer that nobody has an identifier.
_BELIEVED_MS: Final = 86_400_000


def verify(delivery: Delivery, mapped: Mapping[int, Mapped]) -> None:
    """Decide which identifiers are left out for these people, and claim the rest. Raises NotAccepted, LeaseLost."""
    wanted = {person: identifiers_of(profile) for person, profile in mapped.items()}
    _address_by_profile(delivery, [person for person, given in wanted.items() if "email" not in given])
    several = {person: given for person, given in wanted.items() if len(given) > 1}
    mode = delivery.to.identity.identifiers
    if mode == "email_only":
        for person, given in several.items():
            _leave_out(delivery, person, IdentifierChoice(alone(given)))
        return
    choices = _verified(delivery, several) if mode == "verified" else {}
    _settle(delivery, wanted, choices)


def _address_by_profile(delivery: Delivery, persons: Iterable[int]) -> None:
    """Use the profile id for people without an e-mail whose profile does not have their identifier.

    The identifier is then another profile's: it was already taken when the person was delivered with it.
    """
    people, intents = delivery.people, delivery.intents
    said = {person: [people.said(i) for i in intents[person].indexes] for person in persons}
    leading = {p: list(dict.fromkeys(named for each in some for named in each.leading)) for p, some in said.items()}
    moving = frozenset(named for some in said.values() for each in some for named in each.moving)
    times = {person: max(each.at for each in some) for person, some in said.items()}
    matches = recognize(delivery, leading, moving, times) if leading else {}
    delivery.progress.profiles |= {person: each.profile_id for person, each in matches.items() if each.profile_id}


def _settle(delivery: Delivery, wanted: Wanted, choices: Mapping[int, IdentifierChoice]) -> None:
    """Leave out identifiers that would be sent twice, in one import or in two open batches."""
    changes = delivery.batch.changes
    order = sorted(wanted, key=lambda person: (changes[person].body.at, person))
    before = [
        _with_earlier(delivery, person, wanted[person], choices.get(person, IdentifierChoice())) for person in order
    ]
    chosen = dict(zip(order, once([(wanted[p], c) for p, c in zip(order, before, strict=True)]), strict=True))
    refused = _claimed(delivery, wanted, chosen)
    for person, choice in chosen.items():
        lost = refused.get(person, ())
        warnings = (*choice.warnings, TAKEN) if lost else choice.warnings
        _leave_out(delivery, person, IdentifierChoice((*choice.left_out, *lost), warnings))


def _with_earlier(
    delivery: Delivery, person: int, given: Mapping[str, str], choice: IdentifierChoice
) -> IdentifierChoice:
    """Add the identifiers that Klaviyo refused earlier with this person."""
    earlier = [name for name in delivery.progress.left_out.get(person, ()) if name in given]
    return choice._replace(left_out=tuple(dict.fromkeys((*choice.left_out, *earlier)))) if earlier else choice


def _leave_out(delivery: Delivery, person: int, choice: IdentifierChoice) -> None:
    if choice.left_out:
        delivery.progress.left_out[person] = choice.left_out
    if choice.warnings:
        delivery.warn(person, *choice.warnings)


def send_alone(delivery: Delivery, person: int, given: Mapping[str, str]) -> bool:
    """Send only the first identifier of a refused person from now on. Returns False if that was already so."""
    left_out = alone(given)
    if set(left_out) <= {*delivery.progress.left_out.get(person, ())}:
        return False
    _leave_out(delivery, person, IdentifierChoice(left_out, (TAKEN,)))
    delivery.identities.doubt(delivery.hash_of(person))
    delivery.identities.flush()
    return True


def _claimed(delivery: Delivery, wanted: Wanted, chosen: Mapping[int, IdentifierChoice]) -> dict[int, list[str]]:
    """Return, by person, the identifiers that another open batch sends with somebody else."""
    memory = delivery.identities
    asked: dict[bytes, list[tuple[int, str]]] = {}
    claimed: dict[bytes, bytes] = {}
    for person, choice in chosen.items():
        for name in alone(wanted[person]):
            if name not in choice.left_out and name not in choice.own:
                hashed = memory.hash(_named(name, wanted[person]))
                asked.setdefault(hashed, []).append((person, name))
                claimed[hashed] = delivery.hash_of(person)
    queue = delivery.batch.queue
    refused = owners.claim(delivery.redis, queue.connection, delivery.batch.id, claimed) if claimed else set()
    lost: dict[int, list[str]] = {}
    for person, name in (each for hashed in refused for each in asked[hashed]):
        lost.setdefault(person, []).append(name)
    return lost


def _named(name: str, given: Mapping[str, str]) -> Named:
    return KINDS[name], given[name]  # type: ignore[index]


def _verified(delivery: Delivery, several: Wanted) -> dict[int, IdentifierChoice]:
    """Choose by remembered facts and by Klaviyo's answers. Raises NotAccepted; answers so far are noted."""
    memory, state, now = delivery.identities, delivery.progress, now_ms()
    if now - state.asked_at > _BELIEVED_MS:
        state.asked, state.asked_at = set(), now
    known = memory.people([delivery.hash_of(person) for person in several])
    choices: dict[int, IdentifierChoice] = {}
    unknown: list[int] = []
    for person, given in several.items():
        remembered = known.get(delivery.hash_of(person), RememberedPerson())
        own = tuple(name for name in alone(given) if memory.short(_named(name, given)) in remembered.on)
        if person in state.asked or (is_verified(remembered, now) and own == alone(given)):
            choices[person] = IdentifierChoice(own=own)
        else:
            unknown.append(person)
    for start in range(0, len(unknown), AT_ONCE):
        choices |= _looked_up(delivery, {person: several[person] for person in unknown[start : start + AT_ONCE]})
    return choices


def _looked_up(delivery: Delivery, unknown: Wanted) -> dict[int, IdentifierChoice]:
    others = _claimed(delivery, unknown, dict.fromkeys(unknown, IdentifierChoice()))
    owners = owners_of(delivery, unknown.values())
    choices, newly = {}, {}
    for person, given in unknown.items():
        having: dict[str, ProfileIdentifiers | None] = {
            name: owners.get((name, value)) for name, value in given.items()
        }
        choice = choose(given, having, phone_wins=delivery.to.identity.phone_wins)
        choices[person] = choice = _without(choice, others.get(person, ()))
        _leave_out(delivery, person, choice)
        new = [name for name in alone(given) if name not in (*choice.left_out, *choice.own)]
        newly[person] = [_named(name, given) for name in new]
        if (own := having[first_of(given)]) is not None:
            remember(delivery, person, own, replaced=new)
    _take_from_others(delivery, newly)
    delivery.identities.flush()
    delivery.progress.asked |= unknown.keys()
    taken = sum(TAKEN in choice.warnings for choice in choices.values())
    log.info(
        "batch %s: identifiers of %d people looked up; for %d an identifier is another profile's and is not sent",
        delivery.batch.id,
        len(unknown),
        taken,
        extra={"fields": {"stage": "verified", "people": len(unknown), "taken": taken}},
    )
    return choices


def _take_from_others(delivery: Delivery, newly: Mapping[int, Sequence[Named]]) -> None:
    """Remember that nobody else's profile has the identifiers that these people are about to get.

    Otherwise they would be sent as another profile's, in any connection to the account, and Klaviyo would merge two.
    """
    memory, redis = delivery.identities, delivery.redis
    getting = {memory.hash(named): delivery.hash_of(person) for person, some in newly.items() for named in some}
    if getting:
        known = accounts.known(redis, sorted(figures.connections(redis)))
        account = known.pop(memory.connection, None)
        memory.take_from_others(getting, [Identities(redis, name) for name, each in known.items() if each == account])


def _without(choice: IdentifierChoice, others: Iterable[str]) -> IdentifierChoice:
    """Drop identifiers that another open batch sends with somebody else, unless the profile has them."""
    lost = [name for name in others if name not in choice.left_out and name not in choice.own]
    if not lost:
        return choice
    return choice._replace(left_out=(*choice.left_out, *lost), warnings=tuple(dict.fromkeys((*choice.warnings, TAKEN))))


def remember(delivery: Delivery, person: int, profile: ProfileIdentifiers, replaced: Collection[str] = ()) -> None:
    """Remember the profile as the person's, with all identifiers that it shows, from any source.

    `replaced`: names of identifiers that the profile is about to lose, because another value is sent.
    """
    memory = delivery.identities
    shown: dict[Identifier, str | None] = {
        "email": canonical_email(profile.email or ""),
        "external_id": profile.external_id,
        "phone_number": profile.phone_number,
    }
    on = [memory.short((KINDS[name], value)) for name, value in shown.items() if value and name not in replaced]
    memory.remember(delivery.hash_of(person), profile.id, on, now_ms())


def owners_of(delivery: Delivery, people: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], FoundProfile]:
    """Return the profile of each identifier that has one.

    Raises NotAccepted: after a failed look-up no identifier counts as free.
    """
    found: dict[tuple[str, str], FoundProfile] = {}
    people = list(people)
    for field in _FIELDS:
        values = list(dict.fromkeys(given[field] for given in people if field in given))
        profiles = delivery.klaviyo.find_profiles(field, values, consents=True) if values else []
        shown = by_value(profiles, field, values)
        found |= {(field, value): profile for value, profile in shown.items()}
        if field == "email" and len(profiles) > len(shown):
            found |= _secondary(delivery, [value for value in values if value not in shown])
    return found


def _secondary(delivery: Delivery, addresses: Sequence[str]) -> dict[tuple[str, str], FoundProfile]:
    """Return the profiles with one of these addresses as a second e-mail (Klaviyo: multi email profiles).

    Splits the addresses in halves, because the answer does not show which address matched.
    """
    profiles = delivery.klaviyo.find_profiles("email", addresses, consents=True) if addresses else []
    if not profiles or len(addresses) == 1:
        return {("email", address): profile for address in addresses for profile in profiles}
    half = len(addresses) // 2
    return _secondary(delivery, addresses[:half]) | _secondary(delivery, addresses[half:])
