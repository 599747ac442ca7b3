"""From Segment to Klaviyo: a real intake, the real scheduler and worker code, and Klaviyo's emulator over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from configuration import settings
from emulator.lists import MailingList
from emulator.world import World as Account
from queues import dead_letters, pending
from queues.clock import now_ms
from queues.dead_letters import DeadLetter
from queues.names import Queue
from scheduler.tick import take_due
from tests.support import intake as intakes
from tests.support.emulated import serving
from tests.support.intake import TOKEN, Intake
from tests.support.local_system import lift_limits
from tests.support.recovery import open_batches, recover
from tests.support.world import SECRET, World
from worker.process import settings_of_process

PATH = "/v1/segment"
PROFILES = Queue("default", "profile", "profiles")
#: 2020-01-01 in epoch seconds.
LONG_AGO = 1_577_836_800.0
#: A connection whose messages say themselves which list they are about, and whose uploads are large.
OWN = """
[connections.own]
api_key_env = "KLAVIYO_API_KEY"
flush_size = 1000
actions = [
  {action = "upsert_profile"},
  {action = "remove_profile", list_id = "$.traits.left"},
  {action = "add_profile_to_list", user_id_as_external_id = true},
  {action = "remove_profile_from_list", user_id_as_external_id = true},
  {action = "subscribe_profile", list_id = "$.properties.list", fields = {custom_source = "$.properties.source", \
historical_import = "$.properties.historical", consented_at = "$.properties.since"}},
  {action = "unsubscribe_profile", list_id = "$.properties.list"},
  {action = "order_completed"},
  {action = "track_event", trigger = 'type = "track" and event = "Seen"'},
]
"""


class SegmentWorld(World):
    """Messages go in where Segment posts them, and what Klaviyo knows comes out.

    `account`: Klaviyo from within, to be touched between requests only.
    """

    def __init__(self, redis: Redis, intake: Intake, klaviyo: str, account: Account, known: settings.Settings) -> None:
        super().__init__(redis, klaviyo)
        self.intake, self.account, self.known = intake, account, known
        self._told = 0

    def empty(self) -> None:
        """A new ledger, and a new account whose lists ask nobody twice."""
        self.redis.flushall()
        self.account.reset()
        self.control("account", opt_in_process="single_opt_in")

    def post(self, *messages: dict[str, Any], connection: str = "default") -> dict[str, Any]:
        """The answer to messages, each with an id of its own unless it has one; more than one go as a batch."""
        told = [{"messageId": f"m-{self._told + n}", **message} for n, message in enumerate(messages, 1)]
        self._told += len(told)
        body = told[0] if len(told) == 1 else {"batch": told}
        answer = self.intake.post(f"{PATH}?connection={connection}", body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def settle(self) -> None:
        """Everything that waits is flushed and delivered to its end, and waits for nothing."""
        recover(self.redis, self.known.connections)

    def send(self, *messages: dict[str, Any], connection: str = "default") -> None:
        """Post, and deliver to the end."""
        self.post(*messages, connection=connection)
        self.settle()

    def of(self, queue: Queue) -> World:
        """One queue."""
        return World(self.redis, self.klaviyo, queue)

    def put_list(self, list_id: str) -> str:
        """A list with this id, which is its name too."""
        return put_list(self.account, list_id)

    def take_all(self) -> list[str]:
        """Flush every queue; the batches that are open now."""
        for queue in self.queues():
            pending.flush(self.redis, queue, now_ms())
        take_due(self.redis, self.known.connections, now_ms())
        return open_batches(self.redis)

    def queues(self) -> list[Queue]:
        """Every queue that there was a change for."""
        return pending.all_queues(self.redis)

    def letters(self) -> list[DeadLetter]:
        """The dead letters of all queues."""
        return [letter for queue in self.queues() for letter in dead_letters.read(self.redis, queue)]

    def reasons(self) -> Counter[str]:
        """How many dead letters there are of each reason."""
        return Counter(letter.reason for letter in self.letters())

    def events(self, metric: str | None = None) -> list[dict[str, Any]]:
        """What Klaviyo recorded, in order."""
        found: list[dict[str, Any]] = self.look("events", full="1", **({"metric": metric} if metric else {}))["events"]
        return found


def put_list(account: Account, list_id: str) -> str:
    """A list with this id, which is its name too, in an account from within."""
    account.lists.by_id[list_id] = MailingList(list_id, list_id, "single_opt_in", LONG_AGO, LONG_AGO, {})
    return list_id


@contextmanager
def segment_world(redis_url: str, connections: str, folder: Path) -> Iterator[SegmentWorld]:
    """An intake and deliveries of this process by the same settings. `connections`: what is in connections.toml."""
    file = folder / "connections.toml"
    file.write_text(connections)
    account = Account(job_seconds=0, limits_off=True)
    with pytest.MonkeyPatch.context() as patch, serving(account) as klaviyo, Redis.from_url(redis_url) as redis:
        lift_limits(patch)
        for name, value in _environment(redis_url, klaviyo, file).items():
            patch.setenv(name, value)
        settings_of_process.cache_clear()
        known = settings.load()
        with intakes.running(known) as intake:
            yield SegmentWorld(redis, intake, klaviyo, account, known)
    settings_of_process.cache_clear()


def _environment(redis_url: str, klaviyo: str, file: Path) -> dict[str, str]:
    return {
        "REDIS_URL": redis_url,
        "KLAVIYO_BASE_URL": klaviyo,
        "KLAVIYO_API_KEY": "pk_test",
        "FERRY_TOKENS": f"segment:{TOKEN}",
        "FERRY_SECRET_KEY": SECRET,
        "FERRY_CONNECTIONS": str(file),
    }
