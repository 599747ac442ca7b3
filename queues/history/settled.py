"""The outcomes of a batch's changes, as the history keeps them. Pure.

The stored form is zlib of msgpack, in columns: about 20 to 60 bytes a change. Each person key takes 12 bytes, and a
message id of its own another 20. The keys are hashes; there is no other personal data.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from queues.change import Action, Change

#: Action, source and message of a change.
Fact = tuple[Action, str, str]
#: Characters of a person key (change.py).
_KEY: Final = 16
_LEVEL: Final = 1
_encode = msgspec.msgpack.Encoder().encode
#: An address, or a number without any letter, as phones are.
_PERSONAL = re.compile(r"@|^[^A-Za-z]*(?:\d[^A-Za-z]*){6}$")


class ImportRows(msgspec.Struct, frozen=True, array_like=True):
    """An import job of Klaviyo. `rows`: for each row, the index of the change that represents its person.

    `failed`: how many of these people could not be imported.
    """

    id: str
    rows: tuple[int, ...]
    failed: int = 0


class BatchOutcomes(msgspec.Struct, frozen=True, array_like=True):
    """The outcomes of a batch's changes, by index; changes named nowhere were delivered.

    `superseded`: index of the superseding change, None if unknown. `dead`: the reason. `warned`: what was left out of a
    delivered person or not found, at the person's last change. `imported`: the last changes of people whom Klaviyo
    imported without a check of the list.
    """

    jobs: tuple[ImportRows, ...] = ()
    superseded: Mapping[int, int | None] = {}
    dead: Mapping[int, str] = {}
    warned: Mapping[int, tuple[str, ...]] = {}
    imported: tuple[int, ...] = ()


class ChangeColumns(msgspec.Struct, frozen=True, array_like=True):
    """The changes in columns. `owned`: how many of `keys` each change has; 0 if its person was erased.

    `accepted`: ms from acceptance to the taking of the batch. `said`: ms from the CDP's time to acceptance. `told`:
    action, source and message; None if they equal those of the change before.
    """

    keys: bytes
    owned: bytes
    accepted: list[int]
    said: list[int]
    told: list[Fact | None]


class Settled(msgspec.Struct, frozen=True, array_like=True):
    """A settled batch. `reason`: why it was taken, size, age or operator. `taken`, `settled`: ms."""

    id: str
    reason: str
    taken: int
    settled: int
    attempts: int
    ends: BatchOutcomes
    columns: ChangeColumns

    @property
    def count(self) -> int:
        """The number of its changes."""
        return len(self.columns.owned)

    @property
    def delivered(self) -> int:
        """The number of changes that were delivered and confirmed."""
        ends = self.ends
        return self.count - len(ends.superseded) - len(ends.dead) - len(ends.imported)


_decode = msgspec.msgpack.Decoder(Settled).decode


def named(message: str) -> str:
    """Return a message's id, or a hash of it if it looks like an address or a phone number."""
    if not _PERSONAL.search(message):
        return message
    return f"hash-{hashlib.blake2b(message.encode('utf-8', 'replace'), digest_size=6).hexdigest()}"


def columns(changes: Sequence[Change], taken: int) -> ChangeColumns:
    """Return what is kept of a batch's changes."""
    return ChangeColumns(
        keys=joined([key for change in changes for key in change.keys]),
        owned=bytes([len(change.keys) for change in changes]),
        accepted=[taken - change.accepted_at for change in changes],
        said=[change.accepted_at - change.body.at for change in changes],
        told=folded([(change.body.action, change.body.source, named(change.body.message)) for change in changes]),
    )


def pack(settled: Settled) -> bytes:
    """Return the stored form; takes about 200 us for a hundred changes."""
    return zlib.compress(_encode(settled), _LEVEL)


def unpack(stored: bytes) -> Settled:
    """Return a batch from its stored form."""
    return _decode(zlib.decompress(stored))


def joined(keys: Sequence[str]) -> bytes:
    """Return person keys in the form of `ChangeColumns.keys`."""
    # The key of an unknown person (change.py) becomes one that no person has.
    return a2b_base64("".join(keys).replace("!", "/"))


def persons(kept: ChangeColumns) -> Iterator[tuple[str, ...]]:
    """Yield the person keys of each change."""
    text = b2a_base64(kept.keys, newline=False).decode()
    start = 0
    for owned in kept.owned:
        yield tuple(text[_KEY * at : _KEY * (at + 1)] for at in range(start, start + owned))
        start += owned


def folded(facts: Sequence[Fact]) -> list[Fact | None]:
    """Return the facts with None for each that equals the one before."""
    return [None if fact == before else fact for fact, before in zip(facts, [None, *facts], strict=False)]


def unfolded(facts: Sequence[Fact | None]) -> list[Fact]:
    """Return the facts that `folded` was given."""
    known: list[Fact] = []
    for fact in facts:
        known.append(fact or known[-1])
    return known
