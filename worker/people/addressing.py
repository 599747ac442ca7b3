"""Finds the e-mail of people whom a CDP names by an id alone although Klaviyo gets them by their e-mail.

mParticle's ids are none of Klaviyo's, so such a change needs the e-mail under which the person was delivered. Ferry
remembers no addresses: Klaviyo's profile shows it, and its hash tells whether it is still that person's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from identity.identifiers import EMAIL, Named
from mappings.errors import Reason
from mappings.identifiers import canonical_email
from worker.delivery import Delivery
from worker.people.batch_people import People
from worker.people.recognizing import holders, meant_at
from worker.progress import Rejection

#: The detail of a dead letter of a person who was erased after the e-mail was found.
ERASED: Final = "the person with this id was erased; nothing is sent until the CDP names an e-mail"


def addresses(delivery: Delivery, people: People) -> dict[int, str]:
    """Return the e-mails of changes that need one and name one known person by their ids. Raises NotAccepted.

    Left out are people whose e-mail is in the batch: their changes are coalesced anyway.
    """
    asked = _without_email(people)
    if not asked:
        return {}
    moving = frozenset(each for i in asked for each in people.said(i).moving)
    having, known = holders(delivery.identities, asked.values(), moving)
    times = {i: people.said(i).at for i in asked}
    people_of = meant_at(delivery.identities, asked, moving, times, having, known)
    persons = {i: some[0] for i, some in people_of.items() if len(some) == 1}
    emails = _emails(delivery, {known[person].profile_id: person for person in persons.values()})
    return {i: emails[person] for i, person in persons.items() if person in emails}


def _without_email(people: People) -> dict[int, tuple[Named, ...]]:
    said = [people.said(i) for i in range(len(people.changes))]
    here = {named for one in said if one.who.email for named in one.who.named}
    return {
        i: one.leading
        for i, one in enumerate(said)
        if one.action != "remove" and one.leading and not one.who.email and here.isdisjoint(one.leading)
        if isinstance(found := people.mapped([i]), Rejection) and found.reason == Reason.NO_EMAIL
    }


def _emails(delivery: Delivery, profiles: Mapping[str, bytes]) -> dict[bytes, str]:
    """Return the e-mails, by person, of the profiles that still have the e-mail of their person."""
    ids = sorted(profiles.keys() - {""})
    shown = delivery.klaviyo.find_profiles("id", ids) if ids else []
    emails = {profiles[each.id]: canonical_email(each.email or "") for each in shown if each.id in profiles}
    return {person: each for person, each in emails.items() if delivery.identities.hash((EMAIL, each)) == person}


def erased(delivery: Delivery, now: int) -> set[int]:
    """Return the people of the batch who got their e-mail from here and were erased since. `now`: ms."""
    memory, addressed = delivery.identities, delivery.people.facts.addressed
    asked = {
        person: memory.hash((EMAIL, addressed[i]))
        for person, intent in delivery.intents.items()
        for i in addressed.keys() & {*intent.indexes}
    }
    known = memory.people(list(asked.values())) if asked else {}
    gone = memory.erased([each for each in asked.values() if each not in known], now)
    return {person for person, hashed in asked.items() if hashed in gone}
