"""How a batch ends: the outcome of each of its changes, and the portions in which a large settlement is written.

One script call for ten thousand dead letters would block Redis for a quarter of a second. So a large settlement is
first stored in the batch (`decide.lua`): from then on nothing of the batch is delivered, and any worker can continue.
Then its dead letters are written portion by portion (`settle_part.lua`). Only after the last one its persons are
released (`release.lua`), because a newer change of a person must find all the older letters that it supersedes. At last
`settle.lua` counts the rest and closes the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from queues.change import Change

#: Items in one call of a script, so that it takes Redis about ten ms at most: dead letters, changes that settled a
#: person's membership (as if an older dead letter was found for each), and changes whose persons are released.
LETTERS: Final = 150
MOVED: Final = 125
RELEASED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """A change of a batch that ends as a dead letter. `index` counts from 0 in `Batch.changes`."""

    index: int
    reason: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of a batch's changes; those neither superseded, dead nor imported were delivered.

    `imported`: how many changes Klaviyo imported without a check that the people are on the list. `moved`: indexes of
    the changes that put a person on the list or took one off; older dead letters of these people become superseded.
    `warnings`: how many people were delivered without some field, by code. `history`: the record to keep (settled.py),
    empty for none.
    """

    superseded: int = 0
    dead: Sequence[Undeliverable] = ()
    moved: Sequence[int] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)
    history: bytes = b""
    imported: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    """A settlement of a batch of so many changes, as it is stored in the batch while it is written."""

    changes: int
    end: Settlement

    @property
    def delivered(self) -> int:
        """The number of changes that were delivered."""
        return self.changes - self.end.superseded - self.end.imported - len(self.end.dead)

    @property
    def is_large(self) -> bool:
        """Whether it takes more than one call of a script."""
        return self.changes / RELEASED + len(self.end.moved) / MOVED + len(self.end.dead) / LETTERS > 1


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of a settlement. `first`, `last`: its bounds, counted over `moved` and then the dead letters."""

    first: int
    last: int
    moved: Sequence[int] = ()
    dead: Sequence[Undeliverable] = ()


_decoder = msgspec.msgpack.Decoder(Decided)


def dump(decided: Decided) -> bytes:
    """Return the stored form."""
    return msgspec.msgpack.encode(decided)


def load(stored: bytes | None) -> Decided | None:
    """Return the stored settlement; None if none is stored."""
    return None if stored is None else _decoder.decode(stored)


def portion(end: Settlement, first: int) -> Portion | None:
    """Return the portion that begins at `first`; None when everything is written.

    Letters come last, so that no letter of the batch itself is superseded by its other changes.
    """
    moved = len(end.moved)
    if first < moved:
        last = min(first + MOVED, moved)
        return Portion(first, last, moved=end.moved[first:last])
    last = min(first + LETTERS, moved + len(end.dead))
    return Portion(first, last, dead=end.dead[first - moved : last - moved]) if first < last else None


def releases(changes: Sequence[Change]) -> Iterator[tuple[int, list[str]]]:
    """Yield portions of the changes: their number, and the person keys that no later portion has.

    A key is released once, at its last change: as soon as it is released another batch may claim it, and a second
    release would take it from that one.
    """
    last_place = {key: place for place, change in enumerate(changes) for key in change.keys}
    for start in range(0, len(changes), RELEASED):
        part = changes[start : start + RELEASED]
        end = start + len(part)
        yield len(part), list(dict.fromkeys(key for change in part for key in change.keys if last_place[key] < end))
