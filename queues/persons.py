"""Whose a change is, by its person keys. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from queues.names import Queue

#: Kinds whose changes carry a phone beside the e-mail. A family shares phones, so the first key, the e-mail where there
#: is one, says whose a change is, and none leads to another.
BY_FIRST: Final = frozenset({"consent"})


def whose(queue: Queue, persons: Collection[str]) -> Callable[[Sequence[str]], bool]:
    """Whether a change of this queue with these keys is of the person who has `persons`."""
    wanted = frozenset(persons)
    if queue.kind in BY_FIRST:
        return lambda keys: keys[0] in wanted
    return lambda keys: not wanted.isdisjoint(keys)
