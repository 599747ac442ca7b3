"""Corrects what the e-mails of a batch's changes say of their people, before the changes are coalesced.

Some changes name a person by an id alone, although Klaviyo gets the person by the e-mail (`addresses`). mParticle's ids
are none of Klaviyo's, so such a change needs the e-mail under which the person was delivered. Ferry remembers no
addresses: Klaviyo's profile shows it, and its hash tells whether it is still that person's.

Some removals have an e-mail that says nothing: another user has it now (`misaddressed`), or nobody was ever delivered
under it (`strangers`). Then their ids decide who leaves (rules 2 and 6 of `identity`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from identity.holding import Before, ChangeIdentity, Holding
from identity.identifiers import EMAIL, EXTERNAL_ID, Named
from identity.leaving import leads
from klaviyo.lookups import by_value
from mappings.errors import Reason
from mappings.identifiers import canonical_email
from queues.clock import now_ms
from queues.people.identities import KNOWN
from queues.people.identity_tokens import RememberedPerson, audience_token, own_token
from worker.delivery import Delivery
from worker.lists import list_of
from worker.people.batch_people import People
from worker.people.recognizing import current, holders, meant_at
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
    said = people.all_said
    asked = {i: one.leading for i, one in enumerate(said) if one.action != "remove" and not one.who.email}
    here = {named for one in said if one.who.email for named in one.who.named} if asked else set()
    return {
        i: leading
        for i, leading in asked.items()
        if leading and here.isdisjoint(leading)
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


def misaddressed(delivery: Delivery, people: People) -> set[int]:
    """Return removals by one of the CDP's ids whose e-mail another of the CDP's ids has: only the ids count then."""
    said = people.all_said
    asked = [i for i, one in enumerate(said) if one.action == "remove" and one.who.email and one.moving]
    asked = [i for i in asked if not said[i].exact]
    if not asked:
        return set()
    ids = {each for one in said for each in one.moving}
    owned = dict(_owned_by(delivery, {said[i].who.email for i in asked}, ids))
    having = Holding(said, Before(owned=owned))
    return {i for i in asked if not having.is_free((EMAIL, said[i].who.email), i, said[i].moving)}


def strangers(delivery: Delivery, people: People, *, returning: bool = False) -> dict[int, list[Named]]:
    """Return removals whose e-mail was never delivered, each with the one person who has its ids: it is a new e-mail.

    With several people behind the ids, the removal takes nobody off. An erased e-mail is not a new one. `returning`:
    those whose e-mail comes to stay later in the batch, and whose ids one person has; others do not stay.
    """
    said = people.all_said
    if all(one.action != "remove" for one in said):
        return {}
    staying: dict[str, tuple[int, int]] = {}
    for i, one in enumerate(said):
        if one.action != "remove":
            staying[one.who.email] = min((one.at, i), staying.get(one.who.email, (one.at, i)))
    asked = {
        i: delivery.identities.hash((EMAIL, one.who.email))
        for i, one in enumerate(said)
        if one.action == "remove" and one.who.email and len(one.who.named) > 1
        if (staying.get(one.who.email, ()) > (one.at, i) if returning else one.who.email not in staying)
    }
    known = delivery.identities.people(list(set(asked.values()))) if asked else {}
    gone = delivery.identities.erased([each for each in set(asked.values()) if each not in known], now_ms())
    unknown = {i: said[i].who.email for i, hashed in asked.items() if hashed not in known and hashed not in gone}
    having = _having(delivery, said, set(unknown) - _listed(delivery, unknown), returning=returning)
    if returning:  # an id with one e-mail at a time stands for one person, with or without former ones
        having = {i: some for i, some in having.items() if some and (len(some) == 1 or said[i].moving)}
    else:
        having = {i: some for i, some in having.items() if len(some) < 2}
    names = {delivery.identities.hash(one.who.name): one.who.name for one in said if one.who.name}
    return {i: [names.get(person, (KNOWN, person.hex())) for person in some] for i, some in having.items()}


def _having(
    delivery: Delivery, said: Sequence[ChangeIdentity], asked: Collection[int], *, returning: bool
) -> dict[int, set[bytes]]:
    """Return, by change, the people who have its ids: by earlier batches, or by older changes of this one."""
    if not asked:
        return {}
    ids: dict[int, list[Named]] = {}
    for i in asked:
        named = said[i].who.named
        ids[i] = [each for each in named[1:] if leads(each, named) and each not in said[i].moving]
        if returning:
            ids[i] = [*said[i].moving] or [each for each in ids[i] if each[0] == EXTERNAL_ID]
    having, known = holders(delivery.identities, ids.values())
    people = {named: [((0, -1), person) for person, _ in some] for named, some in current(having, known).items()}
    memberships = _memberships(delivery, said, known)
    for j, one in enumerate(said):
        for each in one.who.named[1:] if one.who.email and one.action != "remove" else ():
            people.setdefault(each, []).append(((one.at, j), delivery.identities.hash((EMAIL, one.who.email))))
    return {
        i: {
            person
            for each in some
            for since, person in people.get(each, ())
            if since < (said[i].at, i) and not _has_left(memberships.get(person, ()), (said[i].at, i))
        }
        for i, some in ids.items()
    }


_Membership = tuple[tuple[int, int], str]


def _memberships(
    delivery: Delivery, said: Sequence[ChangeIdentity], known: Mapping[bytes, RememberedPerson]
) -> dict[bytes, list[_Membership]]:
    """Return when the e-mails of the batch that are on no other list join and leave, oldest first."""
    here, found = {audience_token(delivery.batch.queue)}, dict[bytes, list[_Membership]]()
    for j in sorted(range(len(said)), key=lambda j: (said[j].at, j)):
        one, person = said[j], delivery.identities.hash((EMAIL, said[j].who.email))
        if one.who.email and one.action != "update" and known.get(person, RememberedPerson()).audiences <= here:
            found.setdefault(person, []).append(((one.at, j), one.action))
    return found


def _has_left(memberships: Iterable[_Membership], until: tuple[int, int]) -> bool:
    before = [action for when, action in memberships if when < until]
    return before[-1:] == ["remove"]


def _listed(delivery: Delivery, emails: Mapping[int, str]) -> set[int]:
    """Return changes whose e-mail is on the list but not remembered: an earlier version of Ferry added it."""
    list_id = list_of(delivery, create=False) if emails else None
    if list_id is None:
        return set()
    values = list(set(emails.values()))
    found = by_value(delivery.klaviyo.find_members(list_id, "email", values), "email", values)
    return {i for i, address in emails.items() if address in found}


def owned(delivery: Delivery, people: People) -> list[tuple[str, list[Named]]]:
    """Return the moving ids, from earlier batches, of the e-mails that an id of the batch leaves or moves away from.

    Also those of the e-mails that share another id with one that leaves. Ids that are not in the batch are represented
    by their remembered tokens.
    """
    said = people.all_said
    emails_of: dict[Named, set[str]] = {}
    for one in said:
        for each in one.moving if one.who.email and one.action != "remove" else ():
            emails_of.setdefault(each, set()).add(one.who.email)
    leaving = [one for one in said if one.action == "remove" and not one.exact and one.moving]
    left = {each for one in leaving for each in one.moving}
    named = left.union(*(one.leading for one in leaving))
    emails = {address for some in emails_of.values() if len(some) > 1 for address in some}
    emails |= {one.who.email for one in said if one.who.email and not named.isdisjoint(one.who.named)}
    emails |= {name[1] for each, names in people.facts.elsewhere if each in named for name in names if name[0] == EMAIL}
    return _owned_by(delivery, emails, left.union(emails_of))


def _owned_by(delivery: Delivery, emails: Collection[str], ids: Collection[Named]) -> list[tuple[str, list[Named]]]:
    """Return the moving ids of these e-mails. `ids`: the moving ids of the batch."""
    if not emails:
        return []
    memory = delivery.identities
    queue = delivery.batch.queue
    tokens = {own_token(memory.hash(each), queue): each for each in ids}
    persons = {address: memory.hash((EMAIL, address)) for address in emails}
    known = memory.people(list(persons.values()))
    owned = {each: known[person].own_in(queue, tokens) for each, person in persons.items() if person in known}
    return [(address, [tokens.get(by, (KNOWN, by.hex())) for by in own]) for address, own in owned.items() if own]
