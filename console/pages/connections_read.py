"""The connections with their keys, and the use of Klaviyo's limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from redis import Redis

from configuration.settings import Settings
from klaviyo.endpoints import PUBLISHED
from ops.connections.keys import key_or_why
from ops.connections.known import WHENCE
from ops.eta import ENDPOINTS, Eta, Route, arrivals, before
from ops.status_words import SHOWN
from queues.census import Census, rows
from queues.connections.accounts import with_key
from queues.names import Queue
from queues.rate_limits import EndpointUse, RedisLimiter, fingerprint
from scheduler.tick import policy_of


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A connection. `account`: its name for the limiter, None without a key. `key`: its origin, or why none."""

    name: str
    account: str | None
    key: str


@dataclass(frozen=True, slots=True)
class ConnectionsData:
    """The connections. `uses`: by account; `unread`: the number of connections that are not listed."""

    connections: Sequence[ConnectionFacts] = ()
    uses: Mapping[str, Sequence[EndpointUse]] = field(default_factory=dict)
    unread: int = 0


def read_connections(redis: Redis, settings: Settings, census: Census) -> ConnectionsData:
    """Read the connections of a census and of the settings. Klaviyo is not asked. Raises redis.RedisError."""
    # As the intake does each second, so that a connection added just now is known.
    settings.connections.include(with_key(redis))
    names = {connection.name for connection in settings.connections}
    every = sorted({*names, *census.holds, *census.totals.connections})
    # The number of mParticle accounts, and so of connections, is not limited; held ones need attention first.
    shown = sorted(every, key=lambda name: name not in census.holds)[:SHOWN]
    known = [_known(redis, settings, name) for name in shown]
    uses = {
        account: RedisLimiter(redis, account, PUBLISHED).uses()
        for account in {each.account for each in known}
        if account
    }
    return ConnectionsData(known, uses, len(every) - len(shown))


def _known(redis: Redis, settings: Settings, name: str) -> ConnectionFacts:
    key = key_or_why(redis, settings, name)
    return (
        ConnectionFacts(name, None, key)
        if isinstance(key, str)
        else ConnectionFacts(name, fingerprint(key.value), WHENCE[key.origin])
    )


def arrival_of(redis: Redis, settings: Settings, census: Census, queue: Queue) -> Eta | None:
    """Return when the pending changes of a queue will be in Klaviyo; None if that is not known.

    It counts the other queues of the connection, which use the same limits. Raises redis.RedisError.
    """
    (count,) = (each for each in census.queues if each.queue == queue)
    if count.due is None or queue.kind not in ENDPOINTS:
        return None
    account = _known(redis, settings, queue.connection).account or queue.connection
    paused = {(account, use.endpoint): use.paused_ms for use in RedisLimiter(redis, account, PUBLISHED).uses()}
    others = before(rows(redis), queue, max(count.due, census.at))

    def route(each: Queue) -> Route:
        return Route(account, policy_of(settings.connections, each).upload_max)

    return arrivals(replace(census, queues=(count,)), route, paused, others).get(queue)
