"""The values of labels, limited so that neither senders nor audiences can create ever more series. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from configuration.connections import OF_ACCOUNT

#: Connections with their own label. The others share one, because the number of mParticle accounts is not limited.
MOST: Final = 50
OTHER: Final = "other"


def own_labels(connections: Iterable[str]) -> frozenset[str]:
    """Return the connections with their own label: those that people named, then mParticle accounts, by name."""
    by_rank = sorted(set(connections), key=lambda name: (OF_ACCOUNT.fullmatch(name) is not None, name))
    return frozenset(by_rank[:MOST])


def label(connection: str, own: frozenset[str]) -> str:
    """Return the label of a connection. `own`: see `own_labels`."""
    return connection if connection in own else OTHER
