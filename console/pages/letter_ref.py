"""The name of a dead letter in addresses and forms: `connection/kind/target/id`."""

from __future__ import annotations

import re
from typing import NamedTuple

from ops.dead_letters.selecting import ID
from queues.dead_letters import DeadLetter
from queues.names import Queue


class LetterRef(NamedTuple):
    """A letter's name. `at` and `nth` are its id: the ms at which it died, and its number in that ms. They sort it."""

    at: int
    nth: int
    queue: Queue

    def __str__(self) -> str:
        return f"{self.queue}/{self.id}"

    @property
    def id(self) -> str:
        """The letter's id, unique in its queue only."""
        return f"{self.at}-{self.nth}"

    @classmethod
    def of(cls, letter: DeadLetter) -> LetterRef:
        """Return the name of a letter."""
        at, nth = letter.id.split("-")
        return cls(int(at), int(nth), letter.queue)

    @classmethod
    def parse(cls, text: str) -> LetterRef:
        """Parse what `str` writes. Raises ValueError for anything else."""
        queue, _, letter_id = text.rpartition("/")
        if not re.fullmatch(ID, letter_id):
            raise ValueError(f"{text!r} names no dead letter; expected connection/kind/target/1767225599999-0")
        at, nth = letter_id.split("-")
        return cls(int(at), int(nth), Queue.parse(queue))
