"""From several CDPs to Klaviyo: a real intake, the real scheduler and worker code, and Klaviyo's emulator."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import pytest
from click.testing import Result
from redis import Redis
from urllib3 import HTTPConnectionPool

from configuration import settings
from emulator.clashes import Clash, People
from emulator.profiles import Profile
from emulator.work import Row
from emulator.world import World as Account
from intake import audiences
from queues import keys, pending
from queues.clock import now_ms
from queues.names import Queue
from queues.server.connection import connect
from scheduler.tick import take_due
from tests.support import intake as intakes
from tests.support.emulated import serving
from tests.support.emulator_api import Api
from tests.support.identity_messages import ACCOUNT, Posted, stamped
from tests.support.identity_seen import Seen
from tests.support.intake import TOKEN
from tests.support.local_system import lift_limits
from tests.support.ops import ferry
from tests.support.passing import left, let_pass
from tests.support.shortcut import Shortcut
from tests.support.world import SECRET
from worker.deliver import deliver
from worker.process import settings_of_process, sharing

#: What Klaviyo may do with a row whose identifiers belong to two people.
CLASHES: Final[tuple[Clash, ...]] = ("refuse", "overwrite", "merge")
#: More rounds than anything here takes: upload, confirm, prove three times, remove, and what follows from that.
ROUNDS = 60
#: `ids`: whatever Segment tells of people becomes an attribute. `mp`: mParticle's customer ids are Klaviyo's external
#: ids, and consents subscribe. `alone`, `trusting`, `keeping`: other rules of identity than the default ones.
#: `lists`: consents name their list.
CONNECTIONS = f"""
[connections.default]
[connections.full]
api_key_env = "KLAVIYO_API_KEY"
full_profile = true
[connections.mexico]
api_key_env = "KLAVIYO_API_KEY"
default_country = "MX"
[connections.mp]
api_key_env = "KLAVIYO_API_KEY"
mparticle_account = {ACCOUNT}
alternate_identifier = "Customer Id"
consent_mapping = {{ newsletter = "email" }}
[connections.ids]
api_key_env = "KLAVIYO_API_KEY"
actions = [
  {{action = "upsert_profile", user_id_as_external_id = true, traits_as_properties = true}},
  {{action = "add_profile_to_list", user_id_as_external_id = true}},
  {{action = "remove_profile_from_list", user_id_as_external_id = true}},
]
[connections.alone]
api_key_env = "KLAVIYO_API_KEY"
identifiers = "email_only"
[connections.trusting]
api_key_env = "KLAVIYO_API_KEY"
identifiers = "trust_cdp"
[connections.keeping]
api_key_env = "KLAVIYO_API_KEY"
email_change = "keep"
[connections.lists]
api_key_env = "KLAVIYO_API_KEY"
allow_global_unsubscribe = true
actions = [
  {{action = "upsert_profile"}},
  {{action = "subscribe_profile", list_id = "$.properties.list"}},
  {{action = "unsubscribe_profile", list_id = "$.properties.list"}},
]
"""


class IdentityWorld(Seen):
    """Messages go in where the CDPs post them, and what Klaviyo knows comes out.

    `clashes`: the rows that Klaviyo got whose identifiers belonged to two people, by these identifiers. Where there is
    none, it makes no difference which of the `CLASHES` the account has.
    """

    def __init__(
        self, redis: Redis, intake: HTTPConnectionPool, klaviyo: Api, account: Account, known: settings.Settings
    ) -> None:
        super().__init__(redis, klaviyo, account)
        self._intake, self.known = intake, known
        self.clashes: list[str] = []
        self._at = 0

    def empty(self, clash: Clash, multi_email: bool = False) -> None:
        """A new ledger, and a new account whose lists ask nobody twice. `multi_email`: merged profiles keep several."""
        self.redis.flushall()
        self.ahead = 0.0
        self.account.reset()
        self.account.lists.default_opt_in = "single_opt_in"
        self.account.identity.clash, self.account.identity.multi_email = clash, multi_email
        self.account.jobs.membership_delay = 0.0

    def later(self) -> int:
        """The CDP's time of the next message, ms: later than the one before, and not in the future."""
        while (now := now_ms()) <= self._at:
            pass
        self._at = now
        return now

    def arrived(self) -> int:
        """The time now, ms: all that was posted has come before it, and what `later` says is after it."""
        self._at = now_ms()
        return self._at

    def post(self, *messages: Posted) -> list[Any]:
        """Post these in their order; what was answered."""
        return [self._post(stamped(message, self.later())) for message in messages]

    def _post(self, message: Posted) -> Any:
        body = message.body.encode() if isinstance(message.body, str) else json.dumps(message.body).encode()
        headers = {"Authorization": f"Token {TOKEN}", "Content-Type": message.kind}
        answer = self._intake.urlopen(message.method, message.path, body, headers, retries=False, timeout=30)
        assert answer.status in (200, 202), answer.data
        return json.loads(answer.data)

    def send(self, *messages: Posted) -> None:
        """Post these, and deliver them together to the end."""
        self.post(*messages)
        self.settle()

    def carry(self, together: bool, *messages: Posted) -> None:
        """Post and deliver these: together, or each to its end before the next one is posted."""
        if together:
            return self.send(*messages)
        for message in messages:
            self.send(message)
        return None

    def settle(self) -> None:
        """Everything that waits is flushed and delivered to its end, and waits for nothing."""
        for _ in range(ROUNDS):
            if not self.push():
                return
        raise AssertionError(f"batches {left(self.redis).batches} are still open, held: {self.held()}")

    def deliver(self, kind: str) -> None:
        """All changes in the queues of a kind are delivered to their end; all others wait."""
        for _ in range(ROUNDS):
            self._take(queue for queue in let_pass(self.redis).queues if queue.kind == kind)
            batches = self.open(kind)
            if not batches:
                return
            for batch_id in batches:
                deliver(batch_id)
        raise AssertionError(f"batches {self.open(kind)} are still open, held: {self.held()}")

    def open(self, kind: str) -> list[str]:
        """The open batches of a kind of queue."""
        return [batch_id for batch_id in left(self.redis).batches if self._kind_of(batch_id) == kind]

    def _kind_of(self, batch_id: str) -> str:
        name = cast("bytes | None", self.redis.hget(keys.batch(batch_id), "queue"))
        return Queue.parse(name.decode()).kind if name else ""

    def push(self, rounds: int = 1) -> bool:
        """Take everything that waits and all that is open as far as it goes now; whether anything is left."""
        for _ in range(rounds):
            for batch_id in self.take():
                deliver(batch_id)
        return any(left(self.redis))

    def take(self) -> list[str]:
        """All waits are over, and all waiting changes are taken; the batches that are open now."""
        self._take(let_pass(self.redis).queues)
        return left(self.redis).batches

    def _take(self, queues: Iterable[Queue]) -> None:
        for queue in queues:
            pending.flush(self.redis, queue, now_ms())
        take_due(self.redis, self.known.connections, now_ms())

    def command(self, *words: str) -> Result:
        """Call `ferry` with the settings of the deliveries."""
        env = {name: os.environ[name] for name in ("KLAVIYO_BASE_URL", "FERRY_SECRET_KEY", "FERRY_CONNECTIONS")}
        return ferry(self.known.redis_url, Path(os.environ["FERRY_CONNECTIONS"]).parent, *words, COLUMNS="400", **env)


@contextmanager
def identity_world(redis_url: str, connections: str, folder: Path) -> Iterator[IdentityWorld]:
    """An intake and deliveries of this process by the same settings. `connections`: what is in connections.toml."""
    file = folder / "connections.toml"
    file.write_text(connections)
    account = Account(job_seconds=0, limits_off=True)
    with pytest.MonkeyPatch.context() as patch, serving(account) as klaviyo, Redis.from_url(redis_url) as redis:
        lift_limits(patch)
        # The ledger is emptied while the intake runs, which then has to name the audiences again.
        patch.setattr(audiences, "_TRUSTED", 0.0)
        for name, value in _environment(redis_url, klaviyo, file).items():
            patch.setenv(name, value)
        settings_of_process.cache_clear()
        known = settings.load()
        Shortcut(account, klaviyo).open(patch)
        with (
            intakes.running(known) as started,
            # Without what `requests` does for each message besides sending it.
            HTTPConnectionPool("127.0.0.1", started.port) as intake,
            Api(klaviyo) as api,
            connect(redis_url) as shared,
            sharing(shared),
        ):
            world = IdentityWorld(redis, intake, api, account, known)
            _note_clashes(patch, world.clashes)
            yield world
    settings_of_process.cache_clear()


def _note_clashes(patch: pytest.MonkeyPatch, noted: list[str]) -> None:
    upsert = People.upsert

    def noting(people: People, row: Row, now: float, *, clear_nulls: bool) -> tuple[Profile, bool]:
        owners = people.profiles.owners(row)
        if len({owner.id for _, owner in owners}) > 1:
            noted.append(" and ".join(name for name, _ in owners))
        return upsert(people, row, now, clear_nulls=clear_nulls)

    patch.setattr(People, "upsert", noting)


def _environment(redis_url: str, klaviyo: str, file: Path) -> dict[str, str]:
    return {
        "REDIS_URL": redis_url,
        "KLAVIYO_BASE_URL": klaviyo,
        "KLAVIYO_API_KEY": "pk_test",
        "FERRY_TOKENS": f"cdp:{TOKEN}",
        "FERRY_SECRET_KEY": SECRET,
        "FERRY_CONNECTIONS": str(file),
    }
