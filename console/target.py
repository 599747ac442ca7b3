"""What an address names: a queue, or a connection with all its queues."""

from __future__ import annotations

from dataclasses import dataclass

import falcon

from console.context import AppContext
from queues.census import Census
from queues.connections import connection_keys
from queues.counts import QueueCount, called
from queues.holds import Hold
from queues.names import Queue


@dataclass(frozen=True, slots=True)
class Target:
    """`queues`: the queue itself, or those of the connection. `hold`: on itself, not on the connection of a queue."""

    on: Queue | str
    queues: tuple[QueueCount, ...]
    hold: Hold | None

    @property
    def name(self) -> str:
        """What people call it."""
        return called(self.queues[0]) if isinstance(self.on, Queue) else self.on

    @property
    def path(self) -> str:
        """Below which it is held and released; of a queue the address of its page."""
        return f"/queues/{self.on}" if isinstance(self.on, Queue) else f"/connections/{self.on}"

    @property
    def page(self) -> str:
        """Where a person sees what was done to it."""
        return self.path if isinstance(self.on, Queue) else "/holds"

    @property
    def pending(self) -> int:
        """Changes that wait."""
        return sum(count.waiting.pending for count in self.queues)

    @property
    def open(self) -> int:
        """Changes in batches under way."""
        return sum(count.open for count in self.queues)

    @property
    def batches(self) -> int:
        """Batches under way."""
        return sum(len(count.batches) for count in self.queues)


def queue_place(census: Census, name: str) -> Target:
    """The queue of this name, `connection/kind/target` as an address holds it. Raises HTTPNotFound. Pure."""
    try:
        queue = Queue.parse(name)
    except ValueError as fault:
        raise falcon.HTTPNotFound(title="No such queue", description=f"{fault}.") from fault
    for count in census.queues:
        if count.queue == queue:
            return Target(queue, (count,), count.hold)
    raise falcon.HTTPNotFound(
        title="No such queue",
        description=f"Nothing was ever accepted into {queue}. The first page lists the queues there are.",
    )


def connection_place(census: Census, known: set[str], name: str) -> Target:
    """The connection of this name. `known`: those there are besides the ones with queues. Raises HTTPNotFound. Pure."""
    queues = tuple(count for count in census.queues if count.queue.connection == name)
    if not queues and name not in known | census.holds.keys():
        raise falcon.HTTPNotFound(
            title="No such connection",
            description=f"There is no connection {name}. The first page lists those there are.",
        )
    return Target(name, queues, census.holds.get(name))


async def look(context: AppContext, connection: str, kind: str = "", target: str = "") -> tuple[Target, Census]:
    """What the parts of an address name, counted anew: somebody is about to act. Raises HTTPNotFound, RedisError."""
    context.changed()
    census = await context.census()
    if kind:
        return queue_place(census, f"{connection}/{kind}/{target}"), census
    return connection_place(census, await connections(context), connection), census


async def connections(context: AppContext) -> set[str]:
    """Names of the connections that are configured, and of those added at run time. Raises redis.RedisError."""
    # The web process does not look the latter up by itself.
    return {each.name for each in context.settings.connections} | set(
        await context.run(connection_keys.names, context.redis)
    )
