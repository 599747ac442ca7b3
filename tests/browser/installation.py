"""A whole Ferry for the browser to look at: `ferry up` with its own Redis, its emulator, and a user of each role."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import requests
from redis import Redis

from local import group_files
from local.group import EMULATOR_KEY
from queues.census import count
from queues.counts import QueueCount
from queues.names import Queue
from tests.support.console import ADMIN, add_users
from tests.support.klaviyo import Account
from tests.support.ops import ferry
from tests.support.people import names
from tests.support.up import Up
from tests.support.waiting import until


class Installation:
    """It runs as long as `installation`. `klaviyo`: the emulator; `url`: of the page."""

    def __init__(self, up: Up, redis: Redis, klaviyo: Account) -> None:
        self.up = up
        self.url = f"http://127.0.0.1:{up.port}"
        self.klaviyo = klaviyo
        self._redis = redis
        self._known = group_files.read(up.var)

    def post(self, audience: str, name: str, people: list[str], connection: str = "default") -> Queue:
        """Let these people join an audience; its queue."""
        answer = self._send(audience, name, people, connection)
        assert answer.status_code == 202, answer.text
        return Queue(connection, "audience", audience)

    def erase(self, user: str, person: str) -> None:
        """Segment asks for the erasure of a user with that e-mail address."""
        message = {"type": "delete", "userId": user, "traits": {"email": person}, "messageId": f"erase-{person}"}
        answer = self._call("segment", "default", message)
        assert answer.status_code == 200, answer.text

    def _send(self, audience: str, name: str, people: list[str], connection: str) -> requests.Response:
        changes = [{"action": "add", "email": person} for person in people]
        message = {"audience": {"id": audience, "name": name}, "changes": changes}
        return self._call("changes", connection, message)

    def _call(self, route: str, connection: str, message: dict[str, Any]) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._known['FERRY_TOKENS'].partition(':')[2]}"}
        address = f"{self.url}/v1/{route}?connection={connection}"
        return requests.post(address, json=message, headers=headers, timeout=60)

    def flush(self, queue: Queue) -> None:
        """Have everything that a queue holds delivered, or refused."""
        self.ferry("flush", str(queue))
        until(lambda: self._is_settled(queue), f"{queue} is settled")

    def _is_settled(self, queue: Queue) -> bool:
        found = self.counted(queue)
        return found.waiting.pending == found.open == 0

    def ferry(self, *words: str, text: str | None = None) -> str:
        """What a command says."""
        known = {name: self._known[name] for name in ("FERRY_SECRET_KEY", "KLAVIYO_BASE_URL", "FERRY_INSTALLATION")}
        told = ferry(self._known["REDIS_URL"], self.up.var, *words, text=text, **known)
        assert told.exit_code == 0, told.output
        return told.output

    def connect(self, name: str) -> None:
        """Add a connection, whose key is `pk_` and its name; Klaviyo takes it, and that of `default`."""
        self.accept_keys(name)
        self.ferry("connections", "add", name, text=f"pk_{name}")
        until(lambda: self._send("nobody", "Nobody", [], name).status_code == 202, f"the intake knows {name}")

    def accept_keys(self, *connections: str) -> None:
        """Klaviyo refuses from now on every key but those of these connections and of `default`."""
        keys = [EMULATOR_KEY, *(f"pk_{name}" for name in connections)]
        self.klaviyo.control("keys", keys=[{"key": key} for key in keys])

    def refuse_once(self, person: str) -> None:
        """Klaviyo refuses the next import that names this person, without a word on why."""
        match = {"path": "/api/profile-bulk-import-jobs", "body": person}
        self.klaviyo.control("faults", fault="400", match=match)

    def counted(self, queue: Queue) -> QueueCount:
        """What the ledger says of a queue."""
        (found,) = count(self._redis, [queue])
        return found


def _shop(folder: Path) -> Path:
    """The settings of a query whose slot comes every four years, and its database."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "shop.sqlite")) as database, database:
        database.execute("create table loyal (email text, plan text)")
        database.executemany("insert into loyal values (?, 'gold')", [(name,) for name in [*names(5), "nobody@"]])
    file = folder / "connections.toml"
    source = '[sources.shop]\nsqlite = "shop.sqlite"\n'
    file.write_text(f'{source}[queries.loyal]\nsource = "shop"\ntable = "loyal"\nschedule = "0 0 29 2 *"\n')
    return file


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    """Everything `ferry up` starts, as long as the block."""
    up = Up(folder, FERRY_ADMIN_TOKEN=ADMIN, FERRY_CONNECTIONS=str(_shop(folder.with_name(f"{folder.name}-shop"))))
    try:
        up.wait_until_up()
        known = group_files.read(folder)
        klaviyo = Account(known["KLAVIYO_BASE_URL"], EMULATOR_KEY)
        with Redis.from_url(known["REDIS_URL"]) as redis:
            add_users(redis)
            klaviyo.control("jobs", seconds=0)
            yield Installation(up, redis, klaviyo)
        klaviyo.close()
    finally:
        up.end()
