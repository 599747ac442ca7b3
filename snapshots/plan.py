"""The changes that make one bucket of a list equal to a snapshot, and the guard against a wrong snapshot. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from mappings.fields import STANDARD
from queues.snapshots.members import PERHAPS, Bucket, Member, gone_key
from queues.snapshots.orders import Counts
from snapshots.digests import changed, is_filled
from snapshots.rows import SnapshotRow, of_member

Action = Literal["add", "remove", "update"]
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode
_NULL: Final = b":null"
#: As `Bucket.filled` would have a person who was never on the list.
_NEVER: Final = (0, b"")


class PlannedChange(NamedTuple):
    """A change that a snapshot requires. `keys`: person keys. `fragment`: in the form of /v1/changes."""

    action: Action
    identity: str
    keys: tuple[str, ...]
    fragment: bytes


class Diff(NamedTuple):
    """The changes of a bucket.

    `unchanged`: people of the snapshot who are on the list. `newer`: people with a newer single change, which wins.
    `held`: members. `linked`: members whose identity is in `also`, and who stay. `staying`: members without a row who
    stay because of a newer change.
    """

    planned: list[PlannedChange]
    unchanged: int
    newer: int
    held: int
    linked: list[str]
    staying: list[str]


def diff(bucket: Bucket, rows: Mapping[str, SnapshotRow], at: int, also: Collection[str] = ()) -> Diff:
    """Return the changes from the members of a bucket to its `rows`, by identity. `at`: time of the snapshot (ms).

    `also`: identities of the bucket whose people are in the snapshot under a stronger one. Klaviyo may have one profile
    for both, so these members are not taken off.
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
        unchanged=verdicts.count("unchanged"),
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
            _, filled = bucket.filled.get(gone_key(identity), _NEVER) if bucket.filled else _NEVER
            yield joining(row, filled)


def has_left(bucket: Bucket, identity: str, at: int) -> bool:
    """Return whether a single change after `at` (ms) took the person off the list, without a doubt."""
    return identity not in bucket.members and bucket.gone.get(gone_key(identity), 0) > at


def joining(row: SnapshotRow, filled: bytes = b"") -> PlannedChange:
    """Return the change that puts a person on the list. `filled`: the fields with a value since an earlier time."""
    return PlannedChange("add", row.identity, row.keys, _without_nulls(row.fragment, filled))


def leaving(identity: str) -> PlannedChange:
    """Return the change that takes a member off."""
    return PlannedChange("remove", identity, *of_member(identity))


def kept(row: SnapshotRow, member: Member, at: int) -> _Verdict:
    """Decide about a member who has a row."""
    if member.at == PERHAPS:
        return joining(row)
    if member.at > at:
        return "newer"
    fragment = changed(row.fragment, member.digests)
    return PlannedChange("update", row.identity, row.keys, fragment) if fragment else "unchanged"


def _without_nulls(fragment: bytes, filled: bytes) -> bytes:
    """Drop null standard fields: clearing one costs a request a person, and most people never had a value.

    Those with a value from an earlier time on the list stay.
    """
    if _NULL not in fragment:
        return fragment
    person = _decode(fragment)
    attributes = person.pop("attributes", {})
    sent = {
        name: value
        for name, value in attributes.items()
        if value is not None or name not in STANDARD or is_filled(name, filled)
    }
    return _encode(person | {"attributes": sent} if sent else person)


#: On a list of up to this many members any share may be removed: a few people are many percent of a small list.
SMALL: Final = 100


def verdict(
    counts: Counts, max_removal_percent: int, earlier: int = 0, max_shrink_percent: int | None = None
) -> str | None:
    """Return why the snapshot needs a confirmation, with the numbers, or None when it may be carried out.

    `earlier`: people whom snapshots of the last 24 hours took off without a confirmation. They count too, because a
    source that loses its rows bit by bit empties a list as well. `max_shrink_percent`: of people who cannot be sent.
    """
    if counts.people == 0 and counts.held:
        return f"the snapshot contains nobody who can be sent, and the list has {counts.held:,} people"
    if max_shrink_percent is not None and counts.rejected * 100 > max_shrink_percent * (
        counts.people + counts.rejected
    ):
        everybody = counts.people + counts.rejected
        return (
            f"{counts.rejected:,} of {everybody:,} people in the snapshot cannot be sent: "
            f"{counts.rejected * 100 / everybody:.1f} %, and max_shrink_percent is {max_shrink_percent}"
        )
    before, gone = counts.held + earlier, counts.removals + earlier
    if before > SMALL and counts.removals and gone * 100 > max_removal_percent * before:
        took = f" after {earlier:,} in the last 24 hours" if earlier else ""
        return (
            f"the snapshot takes {counts.removals:,} of {counts.held:,} people off the list{took}: "
            f"{gone * 100 / before:.1f} %, and max_removal_percent is {max_removal_percent}"
        )
    return None
