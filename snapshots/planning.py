"""Comparing: what of a list has to change so that it is what a snapshot says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from copy import deepcopy
from itertools import islice
from typing import Final

from queues.snapshots.members import BUCKETS, Bucket, Member
from snapshots.gathering import AMBIGUOUS, Gathered
from snapshots.matching import Matcher, MemberMatch, RememberedIdentities, apart
from snapshots.plan import PlannedChange, diff, kept, leaving
from snapshots.plan_store import BY_EMAIL, BY_ID, Plan
from snapshots.rows import SnapshotRow, as_member, strength

#: Buckets asked for at once: of a million members some 16,000.
_AT_ONCE: Final = 64

#: Buckets of the ledger, by their numbers.
Buckets = Callable[[list[int]], Mapping[int, Bucket]]
#: Why somebody who is to be added or updated cannot be sent; None when they can.
Check = Callable[[PlannedChange], str | None]


def plan(gathered: Gathered, buckets: Buckets, at: int, check: Check, memory: RememberedIdentities) -> Plan:
    """The changes from the members that `buckets` tells of to the people gathered.

    `at`: ms, the time of the snapshot. Who cannot be sent is counted instead; a member stays one then. `memory`: of the
    connection; it is asked of people who have no row, or are no members, by the identity that the other side knows.
    Raises what these raise, with nothing left behind.
    """
    result = Plan(deepcopy(gathered.counts), deepcopy(gathered.examples))
    try:
        source = gathered.buckets()
        for first in range(0, BUCKETS, _AT_ONCE):
            known = buckets([*range(first, first + _AT_ONCE)])
            for number, rows in islice(source, _AT_ONCE):
                result.enter(diff(known[number], rows, at, gathered.also(number)))
        _match(result, gathered, memory)
        _keep_known(result, gathered, buckets, at)
        _take_off_apart(result, gathered, memory)
        _refuse(result, gathered, check)
        result.count()
    except BaseException:
        result.close()
        raise
    return result


def _match(result: Plan, gathered: Gathered, memory: RememberedIdentities) -> None:
    """Find the people who are members under other identities than the file has.

    Two e-mails are two people, so that nobody is looked for where there is nothing but e-mails.
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
    result.stay(match.perhaps)
    if match.several:
        result.drop(match.row, "add")
        result.refuse(_person(gathered, match.row).number, AMBIGUOUS)
    elif match.person:
        result.drop(match.row, "add")
        result.double()
    elif match.members and strength(match.members[0]) < strength(match.row):
        _know(result, match.members[0], match.row)
        return result.stay(match.members[1:])
    else:
        # They join under the row's identity, so that Klaviyo says whose profile that is; then the ledger knows it by
        # one name. Nothing is left out that may have to be cleared.
        row = _person(gathered, match.row)
        result.put(PlannedChange("add", row.identity, row.keys, row.fragment))
    return result.stay(match.members)


def _know(result: Plan, member: str, row: str) -> None:
    """The row of that identity is the member."""
    result.drop(row, "add")
    if result.know(member, row):
        result.reconsider(member)
    else:
        result.double()


def _match_linked(result: Plan, gathered: Gathered) -> None:
    """A row of an id and a phone is the member whom the ledger knows by the phone."""
    for some in result.linked():
        for member in some:
            whose = gathered.whose(member)
            if len(whose) == 1 and strength(whose[0]) and result.is_added(whose[0]):
                _know(result, member, whose[0])


def _keep_known(result: Plan, gathered: Gathered, buckets: Buckets, at: int) -> None:
    """What becomes of the members whom rows name otherwise."""
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


def _take_off_apart(result: Plan, gathered: Gathered, memory: RememberedIdentities) -> None:
    """Members under an identity that people of the file have besides, who are known to be other profiles than theirs.

    Not while one of these people joins: whose profile that is, only Klaviyo will say.
    """
    for some in result.linked():
        pairs = {member: gathered.whose(member) for member in some}
        asked = {member: whose for member, whose in pairs.items() if not any(map(result.is_added, whose))}
        for member in apart(memory, asked):
            result.reconsider(member)
            result.put(leaving(member))


def _refuse(result: Plan, gathered: Gathered, check: Check) -> None:
    for _, changes in result.parts():
        for change in changes:
            reason = None if change.action == "remove" else check(change)
            if reason is not None:
                result.drop(change.identity, change.action)
                result.refuse(_person(gathered, result.row_of(change.identity)).number, reason)


def _person(gathered: Gathered, identity: str) -> SnapshotRow:
    found = gathered.person(identity)
    if found is None:
        raise LookupError("a row that was planned for is not among the people gathered")
    return found
