"""What the first page shows besides the census: limits, the last day and deliveries, changed keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from redis import Redis

from alerts.facts import LASTS_MS
from configuration.settings import Settings
from console.pages.connections_read import ConnectionsData, read_connections
from queues.census import Census
from queues.connections import key_changes
from queues.connections.key_changes import KeyChange
from queues.history import hours
from queues.history.hours import Hour

#: Most changes of keys listed.
_LAST = 10


@dataclass(frozen=True, slots=True)
class OverviewData:
    """Everything on the page but the rows. `hours`: of all queues.

    `key_changes`: keys that messages changed, or tried to change, within a day.
    """

    census: Census
    connections: ConnectionsData
    hours: Sequence[Hour] = ()
    key_changes: Sequence[KeyChange] = field(default_factory=tuple)


def read(redis: Redis, settings: Settings, census: Census) -> OverviewData:
    """Read what belongs to this census. It writes nothing and does not ask Klaviyo. Raises redis.RedisError."""
    return OverviewData(
        census,
        read_connections(redis, settings, census),
        hours.of_all(redis, census.at),
        key_changes.recent(redis, census.at - LASTS_MS)[:_LAST],
    )
