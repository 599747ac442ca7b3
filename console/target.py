"""The target that an address names: a queue, or a connection with all its queues."""

from __future__ import annotations

from dataclasses import dataclass

import falcon

from console.context import AppContext
from queues.census import Census
from queues.connections import accounts
from queues.counts import QueueCount, called
from queues.figures import Figures
from queues.holds import Hold
from queues.names import Queue


@dataclass(frozen=True, slots=True)
class Target:
    """A queue or a connection. `figures`: of the queue, or of all of the connection. `hold`: its own hold.

    `queues`: the queue itself; none for a connection.
    """

    on: Queue | str
    figures: Figures
    hold: Hold | None
    queues: tuple[QueueCount, ...] = ()

    @property
    def name(self) -> str:
        """The display name."""
        return called(self.queues[0]) if isinstance(self.on, Queue) else self.on

    @property
    def path(self) -> str:
        """The prefix of its hold and release pages; for a queue also the path of its page."""
        return f"/queues/{self.on}" if isinstance(self.on, Queue) else f"/connections/{self.on}"

    @property
    def page(self) -> str:
        """The path of the page that shows the result of an action on it."""
        return self.path if isinstance(self.on, Queue) else "/holds"


def parsed(name: str) -> Queue:
    """Return the queue of this name, which need not exist. Raises HTTPNotFound."""
    try:
        return Queue.parse(name)
    except ValueError as fault:
        raise falcon.HTTPNotFound(title="No such queue", description=f"{fault}.") from fault


def queue_place(census: Census, name: str) -> Target:
    """Return the queue of this name, `connection/kind/target` as in addresses. Raises HTTPNotFound. Pure."""
    queue = parsed(name)
    for count in census.queues:
        if count.queue == queue:
            return Target(queue, Figures.of(count), count.hold, (count,))
    raise falcon.HTTPNotFound(
        title="No such queue",
        description=f"Nothing was ever accepted into {queue}. The first page lists all queues.",
    )


def connection_place(census: Census, known: set[str], name: str) -> Target:
    """Return the connection of this name. `known`: connections that may have no queue. Raises HTTPNotFound. Pure."""
    figures = census.totals.of_connection(name)
    if not figures.queues and name not in known | census.holds.keys():
        raise falcon.HTTPNotFound(
            title="No such connection",
            description=f"There is no connection {name}. The page Connections lists all connections.",
        )
    return Target(name, figures, census.holds.get(name))


async def look(context: AppContext, connection: str, kind: str = "", target: str = "") -> tuple[Target, Census]:
    """Return the target of an address with a fresh census, for an action. Raises HTTPNotFound, RedisError."""
    context.changed()
    if kind:
        census = await context.census_of(f"{connection}/{kind}/{target}")
        return queue_place(census, f"{connection}/{kind}/{target}"), census
    census = await context.summary()
    return connection_place(census, await connections(context), connection), census


async def connections(context: AppContext) -> set[str]:
    """Return the names of the configured connections and of those added at run time. Raises redis.RedisError."""
    # The console's settings do not contain the latter.
    return {each.name for each in context.settings.connections} | set(
        await context.run(accounts.with_key, context.redis)
    )
