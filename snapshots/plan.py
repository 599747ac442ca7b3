"""What makes one bucket of a list equal to a snapshot. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from mappings.fields import STANDARD
from queues.members import PERHAPS, Bucket, Member, gone_key
from snapshots.digests import changed
from snapshots.rows import Row, of_member

Action = Literal["add", "remove", "update"]
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode
_NULL: Final = b":null"


class Planned(NamedTuple):
    """A change that a snapshot asks for. `keys`: person keys. `fragment`: as /v1/changes has it."""

    action: Action
    identity: str
    keys: tuple[str, ...]
    fragment: bytes


class Diff(NamedTuple):
    """The changes. `unchanged`: on the list already. `newer`: left alone for a newer single change. `held`: members."""

    planned: list[Planned]
    unchanged: int
    newer: int
    held: int


def diff(bucket: Bucket, rows: Mapping[str, Row], at: int, also: Collection[str] = ()) -> Diff:
    """The changes from the members of a bucket to the `rows` of it, by identity. `at`: ms, the time of the snapshot.

    `also`: identities of the bucket that belong to people who are in the snapshot under a stronger one. Klaviyo has one
    profile of each, so none of these is taken off.
    """
    planned: list[Planned] = []
    unchanged = newer = 0
    for verdict in (*_of_rows(bucket, rows, at), *_of_members(bucket, rows, at, also)):
        if isinstance(verdict, Planned):
            planned.append(verdict)
        elif verdict == "newer":
            newer += 1
        else:
            unchanged += 1
    return Diff(planned, unchanged, newer, len(bucket.members))


_Verdict = Planned | Literal["newer", "unchanged"]


def _of_rows(bucket: Bucket, rows: Mapping[str, Row], at: int) -> Iterator[_Verdict]:
    for identity, row in rows.items():
        member = bucket.members.get(identity)
        if member is not None and member.at != PERHAPS:
            yield _kept(row, member, at)
        elif bucket.gone and bucket.gone.get(gone_key(identity), 0) > at:
            yield "newer"
        else:
            yield Planned("add", identity, row.keys, _joining(row.fragment))


def _of_members(bucket: Bucket, rows: Mapping[str, Row], at: int, also: Collection[str]) -> Iterator[_Verdict]:
    for identity, member in bucket.members.items():
        if identity in rows:
            continue
        if member.at > at:
            yield "newer"
        elif identity in also:
            yield "unchanged"
        else:
            yield Planned("remove", identity, *of_member(identity))


def _kept(row: Row, member: Member, at: int) -> _Verdict:
    if member.at > at:
        return "newer"
    fragment = changed(row.fragment, member.digests)
    return Planned("update", row.identity, row.keys, fragment) if fragment else "unchanged"


def _joining(fragment: bytes) -> bytes:
    """Without the standard fields that are null: clearing one costs a request a person, and most never had it."""
    if _NULL not in fragment:
        return fragment
    person = _decode(fragment)
    attributes = person.pop("attributes", {})
    sent = {name: value for name, value in attributes.items() if value is not None or name not in STANDARD}
    return _encode(person | {"attributes": sent} if sent else person)
