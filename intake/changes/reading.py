"""Turns posted changes into changes of the audiences' queues.

A change that cannot be read is kept as dead on arrival and listed in the answer; the others are accepted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from intake.changes.messages import ACTIONS, OF_ADDRESS, AudienceRef, PostedChange, is_anybody, person_keys
from intake.http.faults import UNREADABLE, check_size, describe
from intake.incoming import BLOCKED, MALFORMED, NO_IDENTITY, PLACEHOLDER, Incoming, readable
from mappings.values import to_ms, visible
from text.json_names import TWICE, mistaken, twice

SOURCE: Final = "changes"
_NULL: Final = frozenset({b"", b"null"})
_change = msgspec.json.Decoder(PostedChange)
_encode = msgspec.json.Encoder().encode


class RejectedChange(msgspec.Struct, frozen=True):
    """A change that was kept as a dead letter."""

    index: Annotated[int, Meta(description="Position of the change in the request, from 0.")]
    reason: Annotated[str, Meta(description=f"{MALFORMED}, {NO_IDENTITY} or {BLOCKED}.")]
    where: Annotated[str, Meta(description="Place and problem.")]


class UnfitChange(Exception):
    """The reason why a change is dead on arrival."""

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(where)
        self.reason = reason
        self.where = where


class _Person(msgspec.Struct):
    """The stored fields of a person, as posted."""

    email: str | UnsetType = UNSET
    phone: str | int | UnsetType = UNSET
    external_id: str | int | UnsetType = UNSET
    attributes: Raw | UnsetType = UNSET
    consent_state: Raw | UnsetType = UNSET


class _Addressed(msgspec.Struct):
    """The part of a malformed change that can still be read."""

    audience: AudienceRef


_addressed = msgspec.json.Decoder(_Addressed)


def read(
    changes: Iterable[tuple[str, bytes | Raw]], default: AudienceRef | None, incoming: Incoming, now: int
) -> list[RejectedChange]:
    """Put the changes into `incoming`, and return the rejected ones. Raises TooMuch.

    `changes`: the place of each, for messages, and its JSON. `default`: the audience of changes without one.
    """
    rejected = []
    for index, (place, raw) in enumerate(changes):
        check_size(raw, place)
        try:
            _read(place, raw, default, incoming, now)
        except UnfitChange as unfit:
            part = incoming.part(_audience_of(raw, default))
            incoming.bury(part, place, now, readable(raw), unfit.reason, unfit.where)
            rejected.append(RejectedChange(index, unfit.reason, unfit.where))
    return rejected


def _read(place: str, raw: bytes | Raw, default: AudienceRef | None, incoming: Incoming, now: int) -> None:
    try:
        change = _change.decode(raw)
        names = twice(raw)
    except UNREADABLE as fault:
        raise UnfitChange(MALFORMED, _described(fault, place)) from None
    if names:
        raise UnfitChange(MALFORMED, f"{place}{names[0]}: {TWICE}")
    if mistake := mistaken(raw, PostedChange.__struct_fields__, OF_ADDRESS):
        raise UnfitChange(MALFORMED, f"{place}.{mistake}")
    audience = change.audience or default
    if audience is None:
        raise UnfitChange(MALFORMED, f"{place}.audience: missing, and the request has no audience for all changes")
    try:
        time = None if change.timestamp is None else to_ms(change.timestamp)
    except ValueError as fault:
        raise UnfitChange(MALFORMED, f"{place}.timestamp: {fault}") from None
    person = _person(place, change)
    keys = person_keys(change, incoming.connection)
    if not keys:
        if is_anybody(change):
            raise UnfitChange(BLOCKED, f"{place}: {PLACEHOLDER}")
        raise UnfitChange(NO_IDENTITY, f"{place}: give at least one of email, phone and external_id")
    part = incoming.part(str(audience.id))
    part.name = visible(audience.name) or part.name
    incoming.add(part, keys, change.action, time, person)


def _described(fault: Exception, place: str) -> str:
    detail = describe(fault, place)
    return f"{detail}; it must be one of {ACTIONS}" if detail.startswith(f"{place}.action:") else detail


def _person(place: str, change: PostedChange) -> bytes:
    return _encode(
        _Person(
            UNSET if change.email is None else change.email,
            UNSET if change.phone is None else change.phone,
            UNSET if change.external_id is None else change.external_id,
            _object(f"{place}.attributes", change.attributes),
            _object(f"{place}.consent_state", change.consent_state),
        )
    )


def _object(place: str, raw: Raw) -> Raw | UnsetType:
    json = bytes(raw)
    if json in _NULL:
        return UNSET
    if not json.startswith(b"{"):
        raise UnfitChange(MALFORMED, f"{place}: Expected `object`")
    return raw


def _audience_of(raw: bytes | Raw, default: AudienceRef | None) -> str | None:
    try:
        audience: AudienceRef | None = _addressed.decode(raw).audience
        if any(name.startswith(".audience") for name in twice(raw)):
            return None
    except UNREADABLE:
        audience = default
    return None if audience is None else str(audience.id)
