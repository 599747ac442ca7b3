"""A database of people with a query about them, and everything that makes a list of its result."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from queues.clock import now_ms
from queues.queries import records, slots
from queues.queries.records import QueryRun
from queues.snapshots import orders
from tests.support.mirrored import Mirrored, mirrored
from worker.process import settings_of_process
from worker.queries import run as worker

ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"
TOML = """
[sources.shop]
sqlite = "shop.sqlite"
[queries.42]
source = "shop"
sql_file = "vips.sql"
name = "VIPs"
every = "1h"
"""
SQL = "select email, plan from people"


class Shop:
    """A database of people, a query about them, and everything that carries it out."""

    def __init__(self, lists: Mirrored, folder: Path) -> None:
        self.lists, self.redis, self.folder = lists, lists.redis, folder

    def people(self, *people: tuple[str, str]) -> None:
        """The table has these people and their plans."""
        with sqlite3.connect(self.folder / "shop.sqlite") as database:
            database.execute("drop table if exists people")
            database.execute("create table people (email text, plan text)")
            database.executemany("insert into people values (?, ?)", people)
        database.close()

    def settings(self, more: str = "", sql: str = SQL) -> None:
        """Other settings of the query, or another SQL."""
        (self.folder / "connections.toml").write_text(TOML + more)
        (self.folder / "vips.sql").write_text(sql)
        settings_of_process.cache_clear()

    def run(self, *, stays_held: bool = False, **more: Any) -> QueryRun:
        """Somebody asks for a run, a worker carries it out, and everything comes to its end, or to a hold."""
        run_id, _ = slots.order(self.redis, "42", "cli:ann", now_ms(), **more)
        worker.run(run_id)
        return self.ended(run_id, stays_held=stays_held)

    def ended(self, run_id: str, *, stays_held: bool = False) -> QueryRun:
        for _ in range(6) if stays_held else ():
            self.lists.system.work()
        if not stays_held:
            self.lists.settle()
        found = records.run(self.redis, run_id)
        assert found is not None
        return found

    def snapshots(self) -> list[str]:
        """The states of the snapshots, oldest first."""
        queue = orders.queue_of("default", "42")
        return [record.state for record in reversed(orders.records(self.redis, queue))]

    def members(self) -> set[str]:
        """The e-mails on the list."""
        return self.lists.klaviyo.members("VIPs")


@contextmanager
def query_shop(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Shop]:
    """A shop with two people, in this folder."""
    (folder / "connections.toml").write_text(TOML)
    (folder / "vips.sql").write_text(SQL)
    with mirrored(redis, redis_url, monkeypatch, FERRY_CONNECTIONS=str(folder / "connections.toml")) as lists:
        found = Shop(lists, folder)
        found.people((ANN, "gold"), (BOB, "blue"))
        yield found
