"""Whose a change is, by its person keys. Pure.

The first key names the person: the e-mail, or, without one, the strongest identifier. The others keep the order of
changes that share an identifier, and may be other people's, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from queues.telling import Ours


def whose(persons: Collection[str]) -> Ours:
    """By the names of the person."""
    wanted = frozenset(persons)
    return lambda keys: keys[0] in wanted


def carrying(persons: Collection[str]) -> Ours:
    """By any identifier: for somebody who asks about one."""
    wanted = frozenset(persons)
    return lambda keys: not wanted.isdisjoint(keys)


def names(asked: Collection[str], carried: Iterable[Sequence[str]]) -> frozenset[str]:
    """The names of the people whom the keys `asked` lead to. `carried`: the keys of the changes that carry one of them.

    One step and no chain: who shares an identifier with somebody else of these is not among them.
    """
    wanted = frozenset(asked)
    found = set(wanted)
    for keys in carried:
        found |= {*keys} if keys[0] in wanted else {keys[0]}
    return frozenset(found)
