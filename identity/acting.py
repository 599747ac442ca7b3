"""Who is meant by identifiers without an e-mail (rule 1 of `identity`). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from identity.identifiers import EXTERNAL_ID, OWN, Identifiers, Named

_IDS: Final = (EXTERNAL_ID, *OWN)
Somebody = TypeVar("Somebody")


def ids_of(who: Identifiers) -> tuple[Named, ...]:
    """The ids among the identifiers, strongest first."""
    return tuple(named for named in who.named if named[0] in _IDS)


def meant(
    leading: Sequence[Named], having: Mapping[Named, Sequence[tuple[Somebody, int]]], moving: frozenset[Named]
) -> list[Somebody]:
    """Everybody who may be meant: the people with the first of the `leading` identifiers that anybody has.

    `having`: the people who have an identifier, each with the time at which they were told to have it. `moving`:
    identifiers that have one e-mail at a time, so that the newest is meant.
    """
    for named in leading:
        if people := having.get(named):
            if named in moving:
                return [max(reversed(people), key=lambda each: each[1])[0]]
            return list(dict.fromkeys(person for person, _ in people))
    return []
