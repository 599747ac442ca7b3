"""Turns messages of the Segment spec into changes of the queues that a connection's actions choose.

No single message can make the request fail: one that cannot be read is kept as dead on arrival.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import falcon
import msgspec
from msgspec import Raw, UnsetType

from configuration.connections import Connection
from intake.audiences import Audiences
from intake.http import faults, limits
from intake.incoming import MALFORMED, Incoming, Stored, readable
from intake.segment.calls import Type
from intake.segment.changes import put
from intake.segment.messages import (
    TYPES,
    PostedMessages,
    SegmentMessage,
    UntypedMessage,
    complete,
    happened,
    shared,
    without_write_key,
)
from mappings.segment import changes, person
from mappings.segment.engage import is_for_klaviyo
from mappings.segment.routed import Routed
from queues.acceptance import Acceptance
from text.json_names import TWICE, twice

SOURCE: Final = "segment"
NO_ERASURE: Final = "the write key of a page erases nobody, because visitors can read it; use another sender"

_posted = msgspec.json.Decoder(PostedMessages)
_message = msgspec.json.Decoder(SegmentMessage)
_untyped = msgspec.json.Decoder(UntypedMessage)
_fields = msgspec.json.Decoder(dict[str, Any])


def read(
    body: bytes,
    connection: Connection,
    audiences: Audiences,
    now: int,
    given: Type | None = None,
    *,
    may_erase: bool = True,
) -> SegmentBatch:
    """Read a request. `now`: ms. `given`: the type that its address gives to the messages; None: they say it.

    `may_erase`: whether a message of type `delete` is carried out. Raises the falcon.HTTPError of a refused request,
    and TooMuch.
    """
    posted = faults.decoded(_posted, body)
    batch = None if isinstance(posted.batch, UnsetType) else posted.batch
    if batch is not None:  # a single message with a name twice becomes a dead letter, as in a batch
        faults.check_names(body, apart=("batch",))
    if batch is not None and len(batch) > limits.CHANGES:
        raise falcon.HTTPContentTooLarge(
            title="Too many messages",
            description=f"A batch has at most {limits.CHANGES:,} messages. Nothing was accepted; send it in parts.",
        )
    reading = SegmentBatch(connection, audiences, shared(posted), now, given, may_erase=may_erase)
    if batch is None:
        reading.message("$", body)
    for index, raw in enumerate(batch or ()):
        reading.message(f"$.batch[{index}]", raw)
    return reading


class SegmentBatch:
    """The result of the messages of one request: one acceptance for each message and queue, in their order.

    `accepted`: messages stored for delivery; `dead`: messages with a change that is dead on arrival; `unmapped`:
    messages without an action, by type.
    """

    def __init__(
        self,
        connection: Connection,
        audiences: Audiences,
        common: dict[str, dict[str, Any]],
        now: int,
        given: Type | None,
        *,
        may_erase: bool,
    ) -> None:
        self.acceptances: list[Acceptance] = []
        self.accepted = 0
        self.dead = 0
        self.unmapped: Counter[str] = Counter()
        self._connection = connection
        self._audiences = audiences
        self._common = common
        self._now = now
        self._given = given
        self._may_erase = may_erase
        self._stored = Stored()

    def message(self, place: str, raw: bytes | Raw) -> None:
        """Read one message. `place`: its place in the request, for messages. Raises TooMuch."""
        faults.check_size(raw, place)
        try:
            message = _decoded(place, raw, self._given)
            if message.type == "delete" and not self._may_erase:
                raise ValueError(f"{place}.type: {NO_ERASURE}")  # noqa: TRY301  # handled as any unusable message
            fields = complete(_fields.decode(raw), self._common, self._now)
            fields["type"] = message.type
        except faults.UNREADABLE as fault:
            self._unreadable(place, raw, faults.describe(fault, place))
        except ValueError as fault:
            self._unreadable(place, raw, str(fault))
        else:
            self._route(place, message, fields)

    def _route(self, place: str, message: SegmentMessage, fields: dict[str, Any]) -> None:
        message_id = "" if message.message_id is None else str(message.message_id)
        incoming = self._incoming(message_id)
        at = happened(fields, self._now)
        for each in self._routed(message, fields):
            put(incoming, place, at, each)
        if incoming.is_empty():
            self.unmapped[message.type] += 1
            return
        self._take(incoming, f"segment:{message_id}" if message_id else "")

    def _routed(self, message: SegmentMessage, fields: dict[str, Any]) -> Iterable[Routed]:
        if not is_for_klaviyo(fields):
            return ()
        if message.type == "delete":  # no action handles these
            return (person.erasure(fields),)
        return changes.route(fields, self._connection.actions)

    def _unreadable(self, place: str, raw: bytes | Raw, detail: str) -> None:
        incoming = self._incoming("")
        incoming.bury(incoming.part(None), place, self._now, readable(without_write_key(raw)), MALFORMED, detail)
        # Its own id may be malformed; a repetition has the same bytes.
        self._take(incoming, f"segment/unreadable:{hashlib.blake2b(bytes(raw)).hexdigest()}")

    def _incoming(self, message_id: str) -> Incoming:
        return Incoming(self._connection, SOURCE, message_id, self._now, self._stored)

    def _take(self, incoming: Incoming, dedupe: str) -> None:
        acceptances = incoming.acceptances(dedupe, self._audiences)
        if any(acceptance.dead for acceptance in acceptances):
            self.dead += 1
        else:
            self.accepted += 1
        self.acceptances += acceptances


def _decoded(place: str, raw: bytes | Raw, given: Type | None) -> SegmentMessage:
    """Decode a message. `given`: its type, whatever it says itself. Raises ValueError or one of UNREADABLE."""
    try:
        if given:
            message = SegmentMessage(type=given, message_id=_untyped.decode(raw).message_id)
        else:
            message = _message.decode(raw)
    except msgspec.ValidationError as fault:
        described = faults.describe(fault, place)
        wrong_type = described.startswith(f"{place}.type:") or "`type`" in described
        raise ValueError(f"{described}; it must be one of {TYPES}" if wrong_type else described) from None
    if names := twice(raw):
        raise ValueError(f"{place}{names[0]}: {TWICE}")
    return message
