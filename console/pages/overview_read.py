"""What the first page shows besides the census: keys, limits, last deliveries, and times of the next ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis import Redis

from alerts.facts import LASTS_MS
from configuration.settings import Settings
from klaviyo.endpoints import PUBLISHED
from ops.connections.keys import key_or_why
from ops.connections.known import WHENCE
from ops.eta import Eta, Route, arrivals
from ops.most_urgent import SHOWN, most_urgent_queues
from queues.census import Census
from queues.connections import key_changes
from queues.connections.accounts import with_key
from queues.connections.key_changes import KeyChange
from queues.history import hours, last_batches
from queues.history.hours import Hour
from queues.history.last_batches import SettledBatch
from queues.klaviyo_limits import EndpointUse, RedisLimiter, fingerprint
from queues.names import Queue
from scheduler.tick import policy_of

#: Most uploads listed, and most changes of keys.
_LAST: Final = 10


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A connection. `account`: its name for the limiter, None without a key. `key`: its origin, or why none."""

    name: str
    account: str | None
    key: str


@dataclass(frozen=True, slots=True)
class OverviewData:
    """Everything on the page. `uses`: by account; `hours`: of all queues; `unread`: connections that are not listed.

    `key_changes`: keys that messages changed, or tried to change, within a day.
    """

    census: Census
    connections: Sequence[ConnectionFacts] = ()
    uses: Mapping[str, Sequence[EndpointUse]] = field(default_factory=dict)
    uploads: Sequence[SettledBatch] = ()
    hours: Sequence[Hour] = ()
    hours_of: Mapping[Queue, Sequence[Hour]] = field(default_factory=dict)
    arrivals: Mapping[Queue, Eta] = field(default_factory=dict)
    unread: int = 0
    key_changes: Sequence[KeyChange] = ()


def read(redis: Redis, settings: Settings, census: Census, before: OverviewData | None) -> OverviewData:
    """Read what belongs to this census. `before`: the previous reading.

    It writes nothing and does not ask Klaviyo. Raises redis.RedisError.
    """
    # As the intake does each second, so that a connection added just now is known.
    settings.connections.include(with_key(redis))
    names = {connection.name for connection in settings.connections}
    every = sorted({*names, *census.holds, *(count.queue.connection for count in census.queues)})
    # The number of mParticle accounts, and so of connections, is not limited; held ones need attention first.
    shown = sorted(every, key=lambda name: name not in census.holds)[:SHOWN]
    known = [_known(redis, settings, name) for name in shown]
    uses = {
        account: RedisLimiter(redis, account, PUBLISHED).uses()
        for account in {each.account for each in known}
        if account
    }
    return OverviewData(
        census,
        known,
        uses,
        last_batches.last(redis, _LAST, {each.batch: each for each in before.uploads} if before else {}),
        hours.of_all(redis, census.at),
        hours.of_queues(redis, [count.queue for count in most_urgent_queues(census)], census.at),
        _arrivals(settings, census, known, uses),
        len(every) - len(shown),
        key_changes.recent(redis, census.at - LASTS_MS)[:_LAST],
    )


def _known(redis: Redis, settings: Settings, name: str) -> ConnectionFacts:
    key = key_or_why(redis, settings, name)
    return (
        ConnectionFacts(name, None, key)
        if isinstance(key, str)
        else ConnectionFacts(name, fingerprint(key.value), WHENCE[key.origin])
    )


def _arrivals(
    settings: Settings, census: Census, known: Sequence[ConnectionFacts], uses: Mapping[str, Sequence[EndpointUse]]
) -> dict[Queue, Eta]:
    accounts = {each.name: each.account or each.name for each in known}
    paused = {(account, use.endpoint): use.paused_ms for account, used in uses.items() for use in used}

    def route(queue: Queue) -> Route:
        return Route(
            accounts.get(queue.connection, queue.connection), policy_of(settings.connections, queue).upload_max
        )

    return arrivals(census, route, paused)
