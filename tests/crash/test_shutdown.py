"""SIGTERM to every process at once, as a platform sends it at each deploy, at every phase of a flush."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from queues import batches, keys
from tests.support import oracle
from tests.support.group import Group
from tests.support.model import address, list_name, message
from tests.support.proxied_system import ProxiedSystem, environment
from tests.support.recovery import open_batches
from tests.support.waiting import until
from tests.support.web import Sender
from worker import progress

log = logging.getLogger(__name__)

AUDIENCE = "42"
IMPORTS = "/api/profile-bulk-import-jobs"
MEMBERS = "/api/lists/[^/]+/relationships/profiles"


def called(proxied: ProxiedSystem, method: str, path: str) -> bool:
    return any(call["method"] == method and path in call["path"] for call in proxied.klaviyo.journal())


def nothing_posted(proxied: ProxiedSystem, sender: Sender) -> None:
    """Idle."""


def just_accepted(proxied: ProxiedSystem, sender: Sender) -> None:
    """The scheduler is woken."""
    joining(proxied, sender)


def rung(proxied: ProxiedSystem, sender: Sender) -> None:
    """The worker has the batch, or is about to."""
    joining(proxied, sender)
    until(lambda: bool(open_batches(proxied.redis)))


def uploading(proxied: ProxiedSystem, sender: Sender) -> None:
    """Klaviyo takes its time over the import."""
    proxied.klaviyo.control("faults", fault="stall", seconds=2, match={"method": "POST", "path": IMPORTS})
    joining(proxied, sender)
    until(lambda: called(proxied, "POST", IMPORTS))


def uploading_for_too_long(proxied: ProxiedSystem, sender: Sender) -> None:
    """Klaviyo takes longer than a worker may."""
    proxied.klaviyo.control("faults", fault="stall", seconds=15, match={"method": "POST", "path": IMPORTS})
    joining(proxied, sender)
    until(lambda: called(proxied, "POST", IMPORTS))


def uploaded(proxied: ProxiedSystem, sender: Sender) -> None:
    """The import job is to be polled."""
    joining(proxied, sender)
    until(
        lambda: any(progress.load(batches.progress(proxied.redis, each)).jobs for each in open_batches(proxied.redis))
    )


def removing(proxied: ProxiedSystem, sender: Sender) -> None:
    """Those who left are being taken off."""
    proxied.klaviyo.has_list(list_name(AUDIENCE), [address(n) for n in range(5)])
    proxied.klaviyo.control("faults", fault="stall", seconds=1, match={"method": "DELETE", "path": MEMBERS})
    leave = message(AUDIENCE, "remove", range(5))
    sender.post_until_accepted(leave)
    proxied.model.accept(leave)
    until(lambda: called(proxied, "DELETE", "/relationships/profiles"))


def joining(proxied: ProxiedSystem, sender: Sender) -> None:
    join = message(AUDIENCE, "add", range(5))
    sender.post_until_accepted(join)
    proxied.model.accept(join)


@pytest.mark.parametrize(
    "phase", [nothing_posted, just_accepted, rung, uploading, uploading_for_too_long, uploaded, removing]
)
def test_sigterm_to_everything_ends_it_in_time_and_spends_no_attempt(
    proxied: ProxiedSystem, tmp_path: Path, phase: Callable[[ProxiedSystem, Sender], None]
) -> None:
    proxied.empty()
    known = environment(proxied.settings.redis_url, proxied.klaviyo.url)
    with Group(known, tmp_path, "web", "scheduler", "worker") as group:
        until(lambda: bool(proxied.redis.exists(keys.HEARTBEAT)) and "worker is up" in group.log("worker"))
        phase(proxied, Sender(group.port))
        began = time.monotonic()
        codes = group.terminate_all()
        log.warning("ended %s after %.1f s", codes, time.monotonic() - began)
        # uvicorn ends in order and then by the signal that it got.
        assert codes == {"web": -signal.SIGTERM, "scheduler": 0, "worker": 0}
    for batch_id in open_batches(proxied.redis):
        spent = proxied.redis.hmget(keys.batch(batch_id), "attempts", "crashes", "held")
        assert spent == [b"0", b"0", b"0"], "the next worker waits for a lease, or an attempt was spent"
    assert oracle.balance(proxied.redis) == []
    proxied.check()


def test_an_intake_told_to_end_answers_what_it_was_sent_before(proxied: ProxiedSystem, tmp_path: Path) -> None:
    proxied.empty()
    proxied.to_redis.delay(0.3)
    known = environment(f"redis://127.0.0.1:{proxied.to_redis.port}/0", proxied.klaviyo.url)
    with Group(known, tmp_path, "web") as group:
        sender, sent = Sender(group.port), message(AUDIENCE, "add", range(3))
        posting = threading.Thread(target=sender.post, args=(sent,))
        posting.start()
        until(lambda: "EVALSHA" in proxied.to_redis.seen)
        group.terminate_all()
        posting.join(60)
    assert sender.answers == {202: 1}
    proxied.model.accept(sent)
    proxied.check()
