"""Which values labels have, so that no sender and no number of audiences makes the series many. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from configuration.connections import OF_ACCOUNT

#: Connections with a label of their own. The rest share one: of mParticle's accounts anyone may be sent to Ferry.
MOST: Final = 50
OTHER: Final = "other"


def own_labels(connections: Iterable[str]) -> frozenset[str]:
    """The connections that are told one by one: those that people named first, then mParticle's accounts, by name."""
    by_rank = sorted(set(connections), key=lambda name: (OF_ACCOUNT.fullmatch(name) is not None, name))
    return frozenset(by_rank[:MOST])


def label(connection: str, own: frozenset[str]) -> str:
    """As what a connection is told. `own`: see `own_labels`."""
    return connection if connection in own else OTHER
