"""Marked people, keys and tokens go through everything that Ferry does, well and badly, and are looked for afterwards.

They stand where people are kept: among the changes that wait, are under way or died. They stand nowhere else: in no log
line, HTTP error, key's name, RQ job, exception, or command's output.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from configuration.settings import Token
from intake.mparticle import membership
from queues import keys, pending
from queues.connections import accounts
from tests.support import canaries as c
from tests.support.intake import known
from tests.support.intake import running as intake_running
from tests.support.intake_redis import server
from tests.support.marked_hearing import post_all, said, silent
from tests.support.marked_messages import SLOW, SOUND
from tests.support.world import QUEUE, World

pytestmark = pytest.mark.usefixtures("marked")


@pytest.mark.parametrize("form", c.packed(), ids=lambda form: form[:8].hex())
def test_a_mark_is_found_in_every_form(form: bytes) -> None:
    assert c.marks(form)


def test_a_mark_is_found_wherever_it_should_not_be(redis: Redis, heard: c.Heard) -> None:
    redis.hset("some hash", "field", c.ANN)
    redis.set(f"ferry:{{p07}}:seen:{c.ANN}", 1)
    redis.rpush(keys.queue(QUEUE, "pending"), c.ANN)
    assert set(c.leaks(redis)) == {"some hash", f"ferry:{{p07}}:seen:{c.ANN}"}
    logging.getLogger("rq.worker").debug("line", extra={"arguments": [c.ANN]})
    logging.getLogger("apscheduler").exception("line", exc_info=ValueError(c.E164))
    assert len(heard.leaks()) == 2


def test_nothing_that_is_posted_is_repeated(world: World, redis_url: str, heard: c.Heard) -> None:
    tokens = (Token("mparticle", c.TOKEN),)
    secrets = (Token("segment", c.SECRET),)
    with intake_running(known(redis_url, tokens=tokens, secret_keys=(c.SECRET,), segment_secrets=secrets)) as intake:
        answers = post_all(intake)
        answers += [intake.post(path, body, token=c.TOKEN) for path, body in SLOW]
    assert said(answers) == []
    assert pending.all_queues(world.redis) != []
    assert accounts.recall(world.redis, "mparticle-123456", accounts.Cipher([c.SECRET])) is not None
    assert {"intake", "uvicorn"} <= heard.loggers
    silent(heard, world.redis)


def test_a_defect_of_the_intake_repeats_nothing(
    world: World, redis_url: str, heard: c.Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(message: Any, *_: Any) -> None:
        raise ValueError(f"cannot read {bytes(message.user_profiles[0])!r}")

    monkeypatch.setattr(membership, "acceptances", broken)
    with intake_running(known(redis_url, tokens=(Token("m", c.TOKEN),), secret_keys=(c.SECRET,))) as intake:
        answer = intake.post(*SOUND[0], token=c.TOKEN)
    assert answer.status_code == 500
    assert said([answer]) == []
    assert any("a defect in Ferry, ValueError at" in line for line in heard.lines)
    silent(heard, world.redis)


def test_an_intake_without_redis_repeats_nothing(tmp_path: Path, heard: c.Heard) -> None:
    tokens = (Token("m", c.TOKEN),)
    with server(tmp_path) as (process, url), Redis.from_url(url) as redis:
        with intake_running(known(url, tokens=tokens, secret_keys=(c.SECRET,))) as intake:
            redis.config_set("maxmemory", "1")
            answers = [intake.post(path, body, token=c.TOKEN) for path, body in SOUND]
            process.kill()
            answers += [intake.post(path, body, token=c.TOKEN) for path, body in SOUND]
        with intake_running(known(url, tokens=tokens)) as intake:
            answers.append(intake.post(*SOUND[0], token=c.TOKEN))
    assert {answer.status_code for answer in answers} >= {503}
    assert said(answers) == []
    assert heard.leaks() == []
