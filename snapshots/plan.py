"""What makes one bucket of a list equal to a snapshot. Pure.

When a snapshot is not to be carried out before a person has looked at it. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from mappings.fields import STANDARD
from queues.snapshots.members import PERHAPS, Bucket, Member, gone_key
from queues.snapshots.orders import Counts
from snapshots.digests import changed
from snapshots.rows import SnapshotRow, of_member

Action = Literal["add", "remove", "update"]
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode
_NULL: Final = b":null"


class PlannedChange(NamedTuple):
    """A change that a snapshot asks for. `keys`: person keys. `fragment`: as /v1/changes has it."""

    action: Action
    identity: str
    keys: tuple[str, ...]
    fragment: bytes


class Diff(NamedTuple):
    """The changes. `unchanged`: on the list already. `newer`: left alone for a newer single change. `held`: members.

    `linked`: members of the identities `also`. `staying`: those whom no row names and who stay for a newer change.
    """

    planned: list[PlannedChange]
    unchanged: int
    newer: int
    held: int
    linked: list[str]
    staying: list[str]


def diff(bucket: Bucket, rows: Mapping[str, SnapshotRow], at: int, also: Collection[str] = ()) -> Diff:
    """The changes from the members of a bucket to the `rows` of it, by identity. `at`: ms, the time of the snapshot.

    `also`: identities of the bucket that belong to people who are in the snapshot under a stronger one. Klaviyo may
    have one profile of each, so none of these is taken off.
    """
    verdicts = [*_of_rows(bucket, rows, at)]
    others = {identity: member for identity, member in bucket.members.items() if identity not in rows}
    staying = [identity for identity, member in others.items() if member.at > at]
    linked = [identity for identity, member in others.items() if member.at <= at and identity in also]
    planned = [each for each in verdicts if isinstance(each, PlannedChange)]
    stays = {*staying, *linked}
    planned += [leaving(identity) for identity in others if identity not in stays]
    return Diff(
        planned,
        unchanged=verdicts.count("unchanged") + len(linked),
        newer=verdicts.count("newer") + len(staying),
        held=len(bucket.members),
        linked=linked,
        staying=staying,
    )


_Verdict = PlannedChange | Literal["newer", "unchanged"]


def _of_rows(bucket: Bucket, rows: Mapping[str, SnapshotRow], at: int) -> Iterator[_Verdict]:
    for identity, row in rows.items():
        member = bucket.members.get(identity)
        if member is not None and member.at != PERHAPS:
            yield kept(row, member, at)
        elif bucket.gone and bucket.gone.get(gone_key(identity), 0) > at:
            yield "newer"
        else:
            yield joining(row)


def joining(row: SnapshotRow) -> PlannedChange:
    """Somebody is put on the list."""
    return PlannedChange("add", row.identity, row.keys, _without_nulls(row.fragment))


def leaving(identity: str) -> PlannedChange:
    """A member is taken off."""
    return PlannedChange("remove", identity, *of_member(identity))


def kept(row: SnapshotRow, member: Member, at: int) -> _Verdict:
    """What becomes of a member whom a row names."""
    if member.at == PERHAPS:
        return joining(row)
    if member.at > at:
        return "newer"
    fragment = changed(row.fragment, member.digests)
    return PlannedChange("update", row.identity, row.keys, fragment) if fragment else "unchanged"


def _without_nulls(fragment: bytes) -> bytes:
    """Without the standard fields that are null: clearing one costs a request a person, and most never had it."""
    if _NULL not in fragment:
        return fragment
    person = _decode(fragment)
    attributes = person.pop("attributes", {})
    sent = {name: value for name, value in attributes.items() if value is not None or name not in STANDARD}
    return _encode(person | {"attributes": sent} if sent else person)


#: Members up to which any share of them may go: of a small list a few people are many percent.
SMALL: Final = 100


def verdict(counts: Counts, max_removal_percent: int) -> str | None:
    """Why a person is to look, with the numbers; None when the snapshot may be carried out."""
    if counts.people == 0 and counts.held:
        return f"the snapshot names nobody who can be sent, and the list has {counts.held:,} people"
    if counts.held > SMALL and counts.removals * 100 > max_removal_percent * counts.held:
        percent = counts.removals * 100 / counts.held
        return (
            f"the snapshot takes {counts.removals:,} of {counts.held:,} people off the list: {percent:.1f} %, "
            f"and max_removal_percent is {max_removal_percent}"
        )
    return None
