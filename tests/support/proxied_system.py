"""Everything a crash test needs: a ledger, Klaviyo, healthy processes, and one process behind proxies."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from random import randrange
from typing import Self

from redis import Redis

from configuration.settings import Settings
from queues import keys
from queues.acceptance import accept
from queues.clock import now_ms
from scheduler.tick import tick
from tests.support import oracle
from tests.support.fork_server import ForkServer
from tests.support.frames import http_requests
from tests.support.klaviyo import Account
from tests.support.model import Message, Model
from tests.support.proxy import Proxy
from tests.support.recovery import drive, recover
from tests.support.web import TOKEN, Sender

log = logging.getLogger(__name__)

#: Changes that make a queue due.
SIZE = 5
#: Requests that change nothing that a delivery knows of: dying after one is like dying before the next. EVAL is for
#: scripts that only read; the metrics are counted, and nothing but /metrics reads them.
READS = frozenset(
    {
        "EVAL",
        "EVALSHA carried",
        "GET",
        "HGET",
        "HGETALL",
        f"HINCRBY {keys.METRICS}",
        "HKEYS",
        "HMGET",
        "INFO",
        "LLEN",
        "LRANGE",
        "PTTL",
        "SMEMBERS",
        "TIME",
        "XLEN",
        "ZRANGEBYSCORE",
        f"pipeline HINCRBY {keys.METRICS}",
    }
)


def environment(redis_url: str, klaviyo_url: str) -> dict[str, str]:
    """The settings of a process."""
    return {
        "REDIS_URL": redis_url,
        "KLAVIYO_BASE_URL": klaviyo_url,
        "KLAVIYO_API_KEY": "pk_test",
        "FERRY_TOKENS": f"crash:{TOKEN}",
        "FERRY_FLUSH_SIZE": str(SIZE),
        "FERRY_SECRET_KEY": "crash-test-secret-0123456789",
    }


class ProxiedSystem:
    """One ledger and one Klaviyo account, emptied for each crash point."""

    def __init__(self, redis: Redis, klaviyo: Account, settings: Settings, folder: Path) -> None:
        self.redis, self.klaviyo, self.settings, self._folder = redis, klaviyo, settings, folder
        self.model = Model()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.to_redis = self._stack.enter_context(Proxy(self.settings.redis_url))
        self.to_klaviyo = self._stack.enter_context(Proxy(self.settings.klaviyo_base_url, http_requests))
        redis_url = f"redis://127.0.0.1:{self.to_redis.port}/0"
        klaviyo_url = f"http://127.0.0.1:{self.to_klaviyo.port}"
        children = ForkServer(environment(redis_url, klaviyo_url), self._folder / "children.log")
        self.children = self._stack.enter_context(children)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def empty(self) -> None:
        """A new ledger, a new account, nothing accepted."""
        self.to_redis.forward()
        self.to_klaviyo.forward()
        self.redis.flushall()
        self.klaviyo.control("reset")
        self.model = Model()

    def accept(self, message: Message) -> None:
        """Accept a message with a healthy intake."""
        policy = self.settings.connections.named("default").policy
        for acceptance in message.acceptances(policy, now_ms()):
            accept(self.redis, acceptance, now_ms())
        self.model.accept(message)

    def drive(self) -> None:
        """Schedule here and deliver in children until nothing is open or a child was killed."""
        drive(self.redis, self.settings.connections, lambda batch_id: self.children.run("deliver", batch_id) >= 0)

    def start_web(self, sender: Sender) -> None:
        """An intake behind the proxies, at the port of the sender."""
        self.children.start("web", str(sender.port))
        sender.wait_until_up()

    def tick(self) -> None:
        """One tick of a healthy scheduler."""
        tick(self.redis, self.settings.connections, now_ms())

    def at_every_request(
        self, proxy: Proxy, disturb: Callable[[int], None], run: Callable[[], None], every: int = 1
    ) -> list[str]:
        """Run, disturbed at request 1, 2, ... and check what became of it, until a run was not disturbed any more.

        `every`: where a run takes long, at each so many requests, beginning at another one each time.

        Returns the requests of that last run. A failure is preceded by a line that says where the run was disturbed.
        """
        for number in count(randrange(1, every + 1), every):
            self.empty()
            disturb(number)
            run()
            log.warning("disturbed at request %d: %s", number, proxy.seen[-1:])
            self.check()
            if not proxy.sprung:
                break
        return proxy.seen

    def check(self) -> None:
        """Recover with healthy processes, then look at everything."""
        self.heal()
        recover(self.redis, self.settings.connections)
        oracle.check(self.redis, self.klaviyo, self.model)

    def heal(self) -> None:
        """Let what is under way reach the servers; from then on nothing is disturbed."""
        self.to_redis.drained()
        self.to_klaviyo.drained()
        self.to_redis.forward()
        self.to_klaviyo.forward()
