"""Compare a list with a snapshot and plan the changes that make them equal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from copy import deepcopy
from itertools import islice
from typing import Final

from queues.snapshots.members import BUCKETS, Bucket, Member, bucket_of
from snapshots.gathering import AMBIGUOUS, Gathered
from snapshots.matching import Matcher, MemberMatch, RememberedIdentities, apart
from snapshots.plan import PlannedChange, diff, has_left, kept, leaving
from snapshots.plan_store import BY_EMAIL, BY_ID, Plan
from snapshots.rows import SnapshotRow, as_member, strength

#: Buckets read at a time: with a million members some 16,000 of them.
_AT_ONCE: Final = 64

#: Reads buckets of the ledger by their numbers.
Buckets = Callable[[list[int]], Mapping[int, Bucket]]
#: Returns why a person who is to be added or updated cannot be sent, or None. The flag: the change has the identifiers
#: of the row as it was read, not the one by which the ledger knows the person.
Check = Callable[[PlannedChange, bool], str | None]


def plan(gathered: Gathered, buckets: Buckets, at: int, check: Check, memory: RememberedIdentities) -> Plan:
    """Plan the changes from the members in `buckets` to the people gathered.

    `at`: time of the snapshot (ms). People who cannot be sent are counted instead; members among them stay on the list.
    `memory`: the remembered identities of the connection, read for members without a row and rows without a member.
    Raises what its arguments raise, with nothing left behind.
    """
    result = Plan(deepcopy(gathered.counts), deepcopy(gathered.examples))
    try:
        source = gathered.buckets()
        for first in range(0, BUCKETS, _AT_ONCE):
            known = buckets([*range(first, first + _AT_ONCE)])
            for number, rows in islice(source, _AT_ONCE):
                if rows or known[number].members:  # most buckets of a small list have neither
                    also = gathered.also(number) if _by_id(known[number].members.keys() - rows) else ()
                    result.enter(diff(known[number], rows, at, also))
        _match(result, gathered, memory)
        _keep_known(result, gathered, buckets, at)
        _take_off_apart(result, gathered, memory, lambda identities: _who_left(buckets, identities, at))
        _refuse(result, gathered, check)
        result.count()
    except BaseException:
        result.close()
        raise
    return result


def _by_id(members: Collection[str]) -> bool:
    """Return whether one of these members is not known by an e-mail, which is never a person's weaker identity."""
    return any(map(strength, members))


def _match(result: Plan, gathered: Gathered, memory: RememberedIdentities) -> None:
    """Find the people who are members under other identities than in the file.

    Two e-mails are two people, so nothing is searched when both sides have only e-mails.
    """
    by_id = next(result.adds(BY_ID), None) is not None
    with closing(Matcher(memory, gathered.addresses())) as matcher:
        for some in result.loose() if by_id else result.loose(BY_ID):
            matcher.enter(some)
        for some in result.adds(BY_ID):
            for match in matcher.match(some):
                _apply(result, gathered, match)
        _match_linked(result, gathered)
        if next(result.loose(BY_ID), None) is not None:
            for some in result.adds(BY_EMAIL):
                for match in matcher.match(some):
                    _apply(result, gathered, match)


def _apply(result: Plan, gathered: Gathered, match: MemberMatch) -> None:
    stays, members, joins = result.stay(match.perhaps), match.members, False
    if match.several:
        result.drop(match.row, "add")
        result.refuse(_person(gathered, match.row).number, AMBIGUOUS)
    elif match.person:
        joins = result.is_added(match.person)
        result.drop(match.row, "add")
        result.double()
    elif members and strength(members[0]) < strength(match.row):
        _know(result, members[0], match.row)
        members = members[1:]
    else:
        # The person joins under the row's identity, so that Klaviyo decides which profile that is and the ledger gets
        # one name for it. Nulls stay in, because they may have to clear something.
        joins, row = True, _person(gathered, match.row)
        result.put(PlannedChange("add", row.identity, row.keys, row.fragment))
    stays = result.stay(members) or stays
    result.undecided |= stays and joins


def _know(result: Plan, member: str, row: str) -> None:
    """Record that the row with that identity is about the member."""
    result.drop(row, "add")
    if result.know(member, row):
        result.reconsider(member)
    else:
        result.double()


def _match_linked(result: Plan, gathered: Gathered) -> None:
    """Match rows with an id and a phone to the members whom the ledger knows by the phone."""
    for some in result.linked():
        for member in some:
            whose = gathered.whose(member)
            if len(whose) == 1 and strength(whose[0]) and result.is_added(whose[0]):
                _know(result, member, whose[0])


def _keep_known(result: Plan, gathered: Gathered, buckets: Buckets, at: int) -> None:
    """Plan the changes of members whom rows name by another identity."""
    source = result.known()
    while some := dict(islice(source, _AT_ONCE)):
        held = buckets([*some])
        for number, pairs in some.items():
            for member, row in pairs:
                if result.is_newer(member):
                    continue
                known = held[number].members.get(member, Member(0))
                verdict = kept(as_member(_person(gathered, row), member), known, at)
                if isinstance(verdict, PlannedChange):
                    result.put(verdict)
                else:
                    result.counts.unchanged += 1


def _take_off_apart(
    result: Plan, gathered: Gathered, memory: RememberedIdentities, who_left: Callable[[set[str]], set[str]]
) -> None:
    """Take off members whose identity people of the file also have, but who are known to have other profiles.

    Not while one of these people joins, because only Klaviyo can then decide which profile is meant. If all of them
    have left by newer single changes, the member is one of them or somebody without a row. `who_left`: those who have.
    """
    for some in result.linked():
        pairs = {member: gathered.whose(member) for member in some}
        asked = {member: whose for member, whose in pairs.items() if not any(map(result.is_added, whose))}
        result.undecided |= len(asked) < len(pairs)
        left = who_left({each for whose in asked.values() for each in whose})
        for member in {*apart(memory, asked), *(each for each, whose in asked.items() if left.issuperset(whose))}:
            result.reconsider(member)
            result.put(leaving(member))


def _who_left(buckets: Buckets, identities: set[str], at: int) -> set[str]:
    """Return those whom a single change since `at` (ms) took off the list."""
    held = buckets([*{*map(bucket_of, identities)}]) if identities else {}
    return {each for each in identities if has_left(held[bucket_of(each)], each, at)}


def _refuse(result: Plan, gathered: Gathered, check: Check) -> None:
    for _, changes in result.parts():
        for change in changes:
            if change.action == "remove":
                continue
            row = result.row_of(change.identity)
            as_read = row == change.identity
            reason = check(change, as_read)
            if reason is not None:
                result.drop(change.identity, change.action)
                result.refuse(_person(gathered, row).number, reason)


def _person(gathered: Gathered, identity: str) -> SnapshotRow:
    found = gathered.person(identity)
    if found is None:
        raise LookupError("a row that was planned for is not among the people gathered")
    return found
