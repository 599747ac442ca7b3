"""Finds the person of an erasure in the request, in the stored changes and in earlier deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from identity import erasing, tracing
from identity.erasing import Trace
from identity.identifiers import EMAIL, EXTERNAL_ID, OWN, Identifiers, Named, key_of
from identity.tracing import TracedChange
from queues import undecided_erasures
from queues.people.identities import Identities
from queues.people.identity_tokens import RememberedPerson
from worker.erasures.stored_changes import ErasureLedger, StoredChange, SubjectFinder
from worker.progress import ErasureSubject


def learn(finder: SubjectFinder, index: int) -> list[StoredChange]:
    """Note everything known of the subject of an erasure, and return the changes found under the subject's keys.

    The notes must be written down before anything is erased, because the data that leads to them is erased as well.
    """
    ledger, memory = finder.ledger, finder.ledger.identities
    given, change = finder.request(index), ledger.batch.changes[index]
    subject = ledger.progress.subjects.setdefault(index, ErasureSubject())
    _add(subject, given.trace.who, given, change.keys)
    entries: list[StoredChange] = []
    # A second pass uses the keys of the e-mail found and of its changes. No third: other people may share those keys.
    for _ in range(2):
        subject.keys |= {key_of((EMAIL, each)) for each in subject.emails}
        known = set(subject.keys)
        entries = finder.look(finder.queues, subject)
        before = [each.trace for each in entries if each.change.accepted_at <= change.accepted_at]
        _find_email(finder, index, subject, given.trace.who, before)
        subject.emails -= {each for each in subject.emails if memory.hash((EMAIL, each)).hex() in subject.people}
        for entry in entries:
            if entry.trace.who.email in subject.emails:
                _add(subject, entry.trace.who, entry.read, entry.change.keys)
        if {key_of((EMAIL, each)) for each in subject.emails} | subject.keys == known:
            break
    subject.profiles |= _remembered(ledger, subject, given.trace.who)
    return entries


def _add(subject: ErasureSubject, who: Identifiers, read: TracedChange, keys: Iterable[str]) -> None:
    subject.emails |= {who.email} - {""}
    others = [named for named in who.named if named[0] != EMAIL]
    subject.ids |= {(*named, read.keys_by.get(named, "")) for named in others}
    under = {key for named in who.named for key in tracing.keys_under(named)}
    subject.keys |= {*keys, *under} - read.left_out


def _find_email(
    finder: SubjectFinder, index: int, subject: ErasureSubject, who: Identifiers, traces: Iterable[Trace]
) -> None:
    """Find the e-mail that belongs to the identifiers of a request without e-mail, if there is exactly one.

    Of a request with an e-mail: find out whether the e-mail has been handed on, or another user has it. This is decided
    once: changes with the same identifiers that arrive later are another person's, or a new start.
    """
    if who.wrong or subject.decided:
        return
    subject.decided = True
    if who.email:
        people = _handed_on(finder, index, who) or _mailbox_of_several(finder, index, who, traces)
        subject.people = {each.hex() for each in people}
        return
    memory, ids = finder.ledger.identities, erasing.leading(who)
    change = finder.ledger.batch.changes[index]
    confirmed = undecided_erasures.confirmed(change)
    emails = {memory.hash((EMAIL, each)): each for each in erasing.emails_with(ids, traces)}
    people = {*emails, *holders(memory, ids)} - {memory.hash(named) for named in ids}
    sure = {each for each in people if each.hex() in confirmed.people}
    if len(people) == 1 and not confirmed.people:
        (person,) = people
        sure = set() if _is_unsure(finder, ids, person, emails, change.accepted_at) else people
    subject.emails |= {emails[each] for each in sure if each in emails}
    subject.known |= {each.hex() for each in sure}
    subject.people = {each.hex() for each in people - sure}


def _handed_on(finder: SubjectFinder, index: int, who: Identifiers) -> set[bytes]:
    """Return the people that a request may mean whose ids are another person's by now.

    An external id counts only if the e-mail has another one. Empty if the e-mail is the subject's, or if an operator
    confirmed it.
    """
    memory = finder.ledger.identities
    person = memory.hash((EMAIL, who.email))
    if person.hex() in undecided_erasures.confirmed(finder.ledger.batch.changes[index]).people:
        return set()
    ids = {memory.hash(named): named[0] for named in who.named if named[0] in (EXTERNAL_ID, *OWN)}
    having = memory.holders(list(ids))
    known = memory.people(list({person, *(each.person for some in having.values() for each in some)}))
    theirs = known.pop(person, RememberedPerson())
    found: set[bytes] = set()
    for identifier, kind in ids.items():
        # A user has one e-mail at a time; customers may have an id in common.
        if theirs.has_instead_of(kind, identifier) or (kind in OWN and not theirs.has_now(kind, identifier)):
            others = {each.person for each in having.get(identifier, ())} & known.keys()
            found |= {each for each in others if known[each].has_now(kind, identifier)}
    return found and {person, *found}


def _mailbox_of_several(finder: SubjectFinder, index: int, who: Identifiers, traces: Iterable[Trace]) -> set[bytes]:
    """Return the person with the e-mail of a request about one of several users who have that e-mail.

    Empty if the request is about no user or about the only one, or if an operator confirmed it.
    """
    memory, asked = finder.ledger.identities, {named for named in who.named if named[0] in OWN}
    person = memory.hash((EMAIL, who.email))
    if person.hex() in undecided_erasures.confirmed(finder.ledger.batch.changes[index]).people:
        return set()
    known = memory.people([person]).get(person, RememberedPerson())
    pending = [each for each in traces if each.who.email == who.email]
    is_user = any(known.owns(memory.hash(named)) for named in asked)
    is_user = is_user or any(not asked.isdisjoint(each.who.named) for each in pending)
    ids = [memory.hash(named) for named in who.named]
    return {person} if is_user and (known.has_other_ids(ids) or erasing.has_another_user(asked, pending)) else set()


def _is_unsure(
    finder: SubjectFinder, ids: Collection[Named], person: bytes, emails: Mapping[bytes, str], until: int
) -> bool:
    """Whether the person with these ids may be another one than the request is about.

    The person may have got an id after the request (`until`, ms), or another user has the same e-mail.
    """
    memory = finder.ledger.identities
    asked = [memory.hash(named) for named in ids]
    times = [each.at for some in memory.holders(asked).values() for each in some if each.person == person]
    if any(at > until for at in times):
        return True
    known = memory.people([person]).get(person, RememberedPerson())
    if known.has_other_ids(asked):
        return True
    keys = {key_of((EMAIL, emails[person]))} if person in emails else set[str]()
    entries = finder.look(finder.queues, ErasureSubject(keys=keys)) if keys else []
    return erasing.has_another_user(ids, (each.trace for each in entries if each.trace.who.email == emails[person]))


def holders(memory: Identities, ids: Iterable[Named]) -> dict[bytes, set[bytes]]:
    """Map each remembered person delivered under these identifiers to the hashes of those identifiers."""
    found: dict[bytes, set[bytes]] = {}
    for identifier, having in memory.holders([memory.hash(named) for named in ids]).items():
        for each in having:
            found.setdefault(each.person, set()).add(identifier)
    known = memory.people(list(found))
    return {person: identifiers for person, identifiers in found.items() if person in known}


def _remembered(ledger: ErasureLedger, subject: ErasureSubject, who: Identifiers) -> set[str]:
    """Return the profile ids under which the subject was delivered."""
    memory = ledger.identities
    named = [(EMAIL, each) for each in subject.emails] or erasing.leading(who)
    people = {*map(memory.hash, named), *map(bytes.fromhex, subject.known | subject.people)}
    return {known.profile_id for known in memory.people(list(people)).values()} - {""}
