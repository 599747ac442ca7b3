"""Recalls what earlier batches recorded of the people of a batch, and records its results for later batches.

`recall` reads the facts once, before anything is done for anybody. `keep_people` stores the results, in keyed hashes.
`know` remembers the profile of each user who is not found by Klaviyo's external id, so that the user's events find it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence

from identity.holding import ChangeIdentity
from identity.identifiers import EMAIL, EXTERNAL_ID, PHONE, Named
from identity.persons import Intent
from klaviyo.lookups import by_value
from queues.people.identities import KNOWN
from queues.people.identity_tokens import RememberedPerson, audience_token, has_another, own_token
from worker.delivery import Delivery, count_findings
from worker.people import holding, late_news
from worker.people.batch_people import People
from worker.people.emails import addresses, misaddressed, owned, strangers
from worker.people.late_news import moved_away
from worker.people.proving import given
from worker.people.recognizing import current, handed_on, holders
from worker.people.verifying import AT_ONCE, remember
from worker.progress import BatchFacts

log = logging.getLogger(__name__)


def recall(delivery: Delivery) -> None:
    """Read the facts by which the people of the batch are coalesced. Raises NotAccepted, Later, LeaseLost."""
    people = delivery.people
    facts = BatchFacts(shared=_shared(delivery, people), is_list=delivery.batch.queue.kind == "audience")
    people = people.with_facts(facts)
    facts.addressed = addresses(delivery, people)
    people = people.with_facts(facts)
    facts.misaddressed = misaddressed(delivery, people)
    people = people.with_facts(facts)
    facts.misaddressed |= strangers(delivery, people, returning=True).keys()
    people = people.with_facts(facts)
    _note_elsewhere(delivery, people, facts)
    _note_delivered(delivery, people)
    facts.meant = strangers(delivery, people)
    facts.strangers = {*facts.meant}
    facts.late, facts.spared = late_news.find(delivery, people)
    facts.owned = owned(delivery, people.with_facts(facts))
    delivery.learn(facts)


def _shared(delivery: Delivery, people: People) -> set[Named]:
    memory = delivery.identities
    named = {each for one in people.all_said for each in one.who.named if each[0] != EMAIL}
    found = {memory.hash(each): each for each in named}
    return {found[hashed] for hashed in memory.shared(list(found))}


def _note_elsewhere(delivery: Delivery, people: People, facts: BatchFacts) -> None:
    """Note the people of earlier batches for the identifiers of changes without an e-mail.

    These are the people who have an identifier now; a late change may mean people who had it at the change's time.
    Identifiers that nobody has now (`former`) mean the people who had them.
    """
    memory = delivery.identities
    said = people.all_said
    asked = [one.leading for one in said if not one.who.email]
    if not any(asked):
        return
    names = {memory.hash(one.who.name): one.who.name for one in said if one.who.name}
    moving = {each for one in said for each in one.moving}
    joining = {memory.hash(one.who.name) for one in said if one.who.name and one.action == "add"}
    having, known = holders(memory, asked, moving)
    changes, first = _by_name(said), _first(said)
    for each, people_now in current(having, known, joining).items():
        # People who have left are meant if nobody has the identifier who has not left.
        kept = [one for one in people_now if not _gives_up(said, changes.get(names.get(one[0]), ()), each, first[each])]
        staying = people_now if kept or (people_now and each in moving) else having[each]
        if staying and each in moving:
            staying = [max(reversed(staying), key=lambda holder: holder[1])]
        if staying:
            facts.elsewhere.append((each, _names(staying, names)))
            if each not in moving and has_another(known[staying[0][0]], each[0], memory.hash(each)):
                facts.former.add(each)
    for i, named in ((i, each) for i, one in enumerate(said) for each in one.leading if not one.who.email):
        before = [] if named in moving else handed_on(memory, named, having[named], known, said[i].at)
        if some := current({named: before}, known, joining)[named] or before:
            facts.earlier.append((i, named, _names(some, names)))


def _by_name(said: Sequence[ChangeIdentity]) -> dict[Named | None, list[int]]:
    changes: dict[Named | None, list[int]] = {}
    for i, one in enumerate(said):
        changes.setdefault(one.who.name, []).append(i)
    return changes


def _first(said: Sequence[ChangeIdentity]) -> dict[Named, tuple[int, int]]:
    """Return the time and number of the first change that names a person by an identifier and no e-mail."""
    first: dict[Named, tuple[int, int]] = {}
    for i, one in enumerate(said):
        for named in one.leading if not one.who.email else ():
            first[named] = min(first.get(named, (one.at, i)), (one.at, i))
    return first


def _gives_up(said: Sequence[ChangeIdentity], changes: Iterable[int], named: Named, until: tuple[int, int]) -> bool:
    """Return whether one of a person's `changes` has another value of that kind, before a time and number."""
    others = [i for i in changes if said[i].action != "remove" and said[i].who.value(named[0]) not in ("", named[1])]
    return any((said[i].at, i) < until for i in others)


def _names(having: Iterable[tuple[bytes, int]], names: Mapping[bytes, Named]) -> list[Named]:
    return [names.get(person, (KNOWN, person.hex())) for person, _ in having]


def _note_delivered(delivery: Delivery, people: People) -> None:
    """Note the e-mails of earlier batches among the people who have an identifier of a change without an e-mail."""
    said = people.all_said
    asked = {each for one in said if not one.who.email for each in one.leading if each not in one.moving}
    memory = delivery.identities
    emails = {one.who.email for one in said if one.who.email and not asked.isdisjoint(one.who.named)}
    emails |= {name[1] for _, names in people.facts.elsewhere for name in names if name[0] == EMAIL}
    persons = {memory.hash((EMAIL, each)): each for each in emails}
    kinds = {kind for kind, _ in asked if kind in (EXTERNAL_ID, PHONE)}
    for by, one in (memory.people(list(persons)) if persons else {}).items():
        people.facts.delivered[persons[by]] = {kind: memory.since(by, one, kind) for kind in kinds}
        people.facts.members |= {persons[by]} if one.audiences else set()


def keep_people(delivery: Delivery) -> None:
    """Record the people and their identifiers before the batch is settled. May be repeated. Raises redis.RedisError."""
    memory, queue = delivery.identities, delivery.batch.queue
    persons = [*map(delivery.hash_of, delivery.intents)]
    persons += [memory.hash_of(name) for _, names in delivery.people.facts.elsewhere for name in names]
    persons += [memory.hash_of(name) for _, _, names in delivery.people.facts.earlier for name in names]
    moving = holding.moving_of(delivery)
    countable = holding.countable(delivery, moving)
    before = holding.stored(delivery, countable, moving, persons)
    moved = moved_away(delivery, before) if queue.kind == "audience" else []
    late_news.keep_times(delivery, moved)
    ended = delivery.progress.rejected.keys() | delivery.progress.overtaken
    # First, because the steps below may end where an earlier e-mail leads.
    holding.note(delivery, before, ended)
    for each in moved:
        memory.quit(each.person, queue)
        for token in before.known[each.person].own_in(queue):
            memory.disown(each.person, token)
        # An id leads to the earlier e-mail until that e-mail has left every list.
        for by in () if each.stays else each.by:
            memory.leave(each.person, by)
    for person, intent in delivery.intents.items():
        if person not in ended:
            _keep(delivery, person, intent)
    _quit_meant(delivery, ended)
    if not memory.flush():
        count_findings(delivery.redis, queue, {"unremembered": 1})
        log.warning(
            "batch %s: Redis is short of memory, so nothing new is remembered of its people; they are looked up again",
            delivery.batch.id,
        )
        return
    holding.note_shared(delivery, before, countable)
    holding.let_former_go(delivery, before, countable | moving)


def _keep(delivery: Delivery, person: int, intent: Intent) -> None:
    memory, queue, people = delivery.identities, delivery.batch.queue, delivery.people
    named = people.named(intent.indexes)
    if not named:
        return
    hashed = delivery.hash_of(person)
    moving = {each for i in intent.indexes for each in people.said(i).moving}
    if intent.membership == "remove":
        _keep_leaver(delivery, hashed, moving if intent.moved_to else ())
    elif intent.written and (intent.membership == "add" or queue.kind == "profile"):
        memory.join(hashed, queue)


def _keep_leaver(delivery: Delivery, person: bytes, moved: Collection[Named]) -> None:
    """Record that a person left. `moved`: ids with a newer e-mail; they lead to the person while on any list."""
    memory, queue = delivery.identities, delivery.batch.queue
    memory.quit(person, queue)
    if moved and memory.people([person]).get(person, RememberedPerson()).audiences <= {audience_token(queue)}:
        for each in moved:
            memory.leave(person, memory.hash(each))


def _quit_meant(delivery: Delivery, ended: Collection[int]) -> None:
    """Record that the people of earlier batches left whom removals by an id alone took off, except those `ended`."""
    memory, people, queue = delivery.identities, delivery.people, delivery.batch.queue
    before, here = people.facts.before(), {*map(delivery.hash_of, delivery.intents)}
    leavers = (one for person, one in delivery.intents.items() if person not in ended and one.membership == "remove")
    for i in (i for intent in leavers for i in intent.indexes):
        said = people.said(i)
        if said.action != "remove" or said.late or said.who.email or said.exact:
            continue
        meant = {
            memory.hash_of(name) for each in said.leading for name in before.having(i, each) if name not in said.spared
        }
        leaving = {own_token(memory.hash(each), queue) for each in said.moving}
        for person, known in memory.people(list(meant - here)).items():
            if not leaving or known.own_in(queue, leaving) <= leaving:
                memory.quit(person, queue)


def know(delivery: Delivery) -> None:
    """Remember the profile of everybody who was imported with an e-mail and without the user id.

    Raises NotAccepted; people found so far are remembered.
    """
    memory, hidden = delivery.identities, _hidden(delivery)
    known = memory.people([delivery.hash_of(person) for person in hidden])
    new = [person for person in hidden if not known.get(delivery.hash_of(person), RememberedPerson()).profile_id]
    for start in range(0, len(new), AT_ONCE):
        part = new[start : start + AT_ONCE]
        addresses = [hidden[person]["email"] for person in part]
        found = by_value(delivery.klaviyo.find_profiles("email", addresses), "email", addresses)
        for person in part:
            if profile := found.get(hidden[person]["email"]):
                remember(delivery, person, profile)
        memory.flush()


def _hidden(delivery: Delivery) -> dict[int, dict[str, str]]:
    """Return the identifiers sent with people whose user id is not on their Klaviyo profile."""
    state, people = delivery.progress, delivery.people
    found = {}
    for person in state.uploaded() - state.rejected.keys():
        named = people.named(delivery.intents[person].indexes)
        if users := {value for kind, value in named if kind == "user_id"}:
            sent = given(delivery, person)
            if "email" in sent and users - {sent.get("external_id")}:
                found[person] = sent
    return found
