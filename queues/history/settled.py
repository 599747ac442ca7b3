"""What became of the changes of a batch, as the history keeps it. Pure.

The stored form is zlib of msgpack, in columns: some 20 to 60 bytes a change, of which each person key takes 12 and the
id of a message of its own another 20. The keys are hashes; nothing else in it is of a person.
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


class ImportRows(msgspec.Struct, frozen=True, array_like=True):
    """One of Klaviyo's jobs. `rows`: of each row, the index of the change that stands for its person.

    `failed`: how many of these people it could not import.
    """

    id: str
    rows: tuple[int, ...]
    failed: int = 0


class BatchOutcomes(msgspec.Struct, frozen=True, array_like=True):
    """How the changes of a batch ended, by index; those that are named nowhere were delivered.

    `superseded`: by which other one of the batch, None where that is not known. `dead`: the reason. `warned`: of a
    person who was delivered, what was left out or not found, by the last change. `imported`: the last changes of people
    whom Klaviyo imported and nobody looked for on the list.
    """

    jobs: tuple[ImportRows, ...] = ()
    superseded: Mapping[int, int | None] = {}
    dead: Mapping[int, str] = {}
    warned: Mapping[int, tuple[str, ...]] = {}
    imported: tuple[int, ...] = ()


class ChangeColumns(msgspec.Struct, frozen=True, array_like=True):
    """The changes. `owned`: how many of `keys` each has, none of them for one whose person is forgotten.

    `accepted`: ms from its acceptance to the taking of the batch. `said`: ms from the CDP's time to its acceptance.
    `told`: action, source, message; None where they are those of the change before.
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
        """Changes it had."""
        return len(self.columns.owned)

    @property
    def delivered(self) -> int:
        """Changes that were neither superseded nor became dead letters, and were proved."""
        ends = self.ends
        return self.count - len(ends.superseded) - len(ends.dead) - len(ends.imported)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Settled).decode
#: An address, or a number without any letter, as phones are.
_PERSONAL = re.compile(r"@|^[^A-Za-z]*(?:\d[^A-Za-z]*){6}$")


def named(message: str) -> str:
    """The id of a message, which its sender chose: one that may be somebody's address or phone by a hash."""
    if not _PERSONAL.search(message):
        return message
    return f"hash-{hashlib.blake2b(message.encode('utf-8', 'replace'), digest_size=6).hexdigest()}"


def columns(changes: Sequence[Change], taken: int) -> ChangeColumns:
    """Of the changes of a batch, what is kept."""
    return ChangeColumns(
        keys=joined([key for change in changes for key in change.keys]),
        owned=bytes([len(change.keys) for change in changes]),
        accepted=[taken - change.accepted_at for change in changes],
        said=[change.accepted_at - change.body.at for change in changes],
        told=folded([(change.body.action, change.body.source, named(change.body.message)) for change in changes]),
    )


def pack(settled: Settled) -> bytes:
    """The stored form; some 200 us for a hundred changes."""
    return zlib.compress(_encode(settled), _LEVEL)


def unpack(stored: bytes) -> Settled:
    """A batch from its stored form."""
    return _decode(zlib.decompress(stored))


def joined(keys: Sequence[str]) -> bytes:
    """Person keys as `Columns.keys` holds them."""
    # A key of nobody's (change.py) becomes one that nobody has.
    return a2b_base64("".join(keys).replace("!", "/"))


def persons(kept: ChangeColumns) -> Iterator[tuple[str, ...]]:
    """The person keys of each change."""
    text = b2a_base64(kept.keys, newline=False).decode()
    start = 0
    for owned in kept.owned:
        yield tuple(text[_KEY * at : _KEY * (at + 1)] for at in range(start, start + owned))
        start += owned


def folded(facts: Sequence[Fact]) -> list[Fact | None]:
    """None for each that is as the one before."""
    return [None if fact == before else fact for fact, before in zip(facts, [None, *facts], strict=False)]


def unfolded(facts: Sequence[Fact | None]) -> list[Fact]:
    """What `folded` was given."""
    known: list[Fact] = []
    for fact in facts:
        known.append(fact or known[-1])
    return known
