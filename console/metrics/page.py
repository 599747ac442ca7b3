"""`/metrics`: all metrics of Ferry, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import falcon.asgi
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis import Redis

from configuration.queries import Query
from console.context import App, AppContext
from console.metrics.counted import of_counted
from console.metrics.labels import own_labels
from console.metrics.ledger import of_ledger, of_memory, of_queries
from queues import metrics
from queues.census import Census
from queues.metrics import Counts
from queues.queries import records
from queues.queries.records import QueryRun


class Scrape(Collector):
    """The metrics of one scrape. `memory`: the section of Redis' INFO; `connections`: the configured ones.

    `queries`: the last good run of each; None before it.
    """

    def __init__(
        self,
        census: Census,
        counts: Counts,
        memory: dict[str, Any],
        connections: set[str],
        queries: Mapping[str, QueryRun | None],
    ) -> None:
        self._census, self._counts, self._memory, self._queries = census, counts, memory, queries
        found = census.totals.connections | {labels[1] for labels in counts if labels[1]}
        self._own = own_labels(connections | found | census.holds.keys())

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, including those without a value."""
        yield from of_ledger(self._census, self._own)
        yield from of_counted(self._counts, self._own)
        yield from of_memory(self._memory)
        yield from of_queries(self._queries)

    def text(self) -> bytes:
        """Return the metrics in the format that CONTENT_TYPE_LATEST names."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)


class MetricsPage:
    """The resource of the metrics; nothing is kept between two scrapes."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer with the figures of a census, at most a second old, and the counters."""
        census = await self._context.summary()
        settings = self._context.settings
        counts, memory, good = await self._context.run(_read, self._context.redis, settings.queries)
        names = {connection.name for connection in settings.connections}
        resp.content_type = CONTENT_TYPE_LATEST
        # Beside the loop: with thousands of queues it takes long enough to delay senders.
        resp.data = await self._context.run(lambda: Scrape(census, counts, memory, names, good).text())


def add_routes(app: App, context: AppContext) -> None:
    """Add the address to the app."""
    app.add_route("/metrics", MetricsPage(context))


def _read(redis: Redis, queries: Sequence[Query]) -> tuple[Counts, dict[str, Any], dict[str, QueryRun | None]]:
    states = records.states(redis, [query.name for query in queries])
    runs = records.by_id(redis, [state.good for state in states.values() if state.good])
    good = {name: runs.get(state.good) for name, state in states.items()}
    return metrics.read(redis), redis.info("memory"), good
