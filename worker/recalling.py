"""What is known of the people of a batch from earlier ones, looked up once, before anything is done for anybody."""

from __future__ import annotations

from collections.abc import Mapping

from identity.identifiers import EMAIL, Named
from klaviyo.lookups import by_value
from worker import late_news
from worker.delivery import Delivery
from worker.list_of import list_of
from worker.people import People
from worker.progress import Facts
from worker.recognizing import KNOWN, current, holders


def recall(delivery: Delivery) -> None:
    """Learn the facts by which the people of the batch are coalesced. Raises NotAccepted, Later, LeaseLost."""
    people = delivery.people
    facts = Facts(shared=_shared(delivery, people))
    people = people.with_facts(facts)
    facts.elsewhere = _elsewhere(delivery, people)
    facts.late, facts.spared = late_news.find(delivery, people, dict(facts.elsewhere))
    facts.strangers = _strangers(delivery, people)
    delivery.learn(facts)


def _shared(delivery: Delivery, people: People) -> set[Named]:
    memory = delivery.identities
    found = {memory.hash(each): each for i in range(len(people.changes)) for each in people.who(i).named}
    asked = [hashed for hashed, each in found.items() if each[0] != EMAIL]
    return {found[hashed] for hashed in memory.shared(asked)}


def _elsewhere(delivery: Delivery, people: People) -> list[tuple[Named, list[Named]]]:
    """For the identifiers of changes without an e-mail, the people of earlier batches who have them now."""
    memory = delivery.identities
    said = [people.said(i) for i in range(len(people.changes))]
    asked = dict.fromkeys(each for one in said if not one.who.email for each in one.leading)
    if not asked:
        return []
    names = {memory.hash(one.who.name): one.who.name for one in said if one.who.name}
    moving = {each for one in said for each in one.moving}
    found = []
    having, known = holders(memory, asked)
    for each, people_now in current(having, known).items():
        staying = [max(people_now, key=lambda holder: holder[1])] if people_now and each in moving else people_now
        # Who has left is meant where nobody else ever had it.
        staying = staying or (having[each] if len(having[each]) == 1 else [])
        if staying:
            found.append((each, [names.get(person, (KNOWN, person.hex())) for person, _ in staying]))
    return found


def _strangers(delivery: Delivery, people: People) -> set[int]:
    """Removals whose e-mail was never delivered: it is new to the CDP's person, whose ids say who leaves."""
    said = [people.said(i) for i in range(len(people.changes))]
    told = {one.who.email for one in said if one.action != "remove"}
    asked = {
        i: delivery.identities.hash((EMAIL, one.who.email))
        for i, one in enumerate(said)
        if one.action == "remove" and one.who.email and one.who.email not in told and len(one.who.named) > 1
    }
    known = delivery.identities.people(list(set(asked.values()))) if asked else {}
    unknown = {i: said[i].who.email for i, hashed in asked.items() if hashed not in known}
    return set(unknown) - _listed(delivery, unknown)


def _listed(delivery: Delivery, emails: Mapping[int, str]) -> set[int]:
    """Those whose e-mail is on the list although nothing is remembered of it: another version of Ferry put it there."""
    list_id = list_of(delivery, create=False) if emails else None
    if list_id is None:
        return set()
    values = list(set(emails.values()))
    found = by_value(delivery.klaviyo.find_members(list_id, "email", values), "email", values)
    return {i for i, address in emails.items() if address in found}
