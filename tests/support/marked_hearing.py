"""Marked messages are posted, and everything said meanwhile is heard."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from redis import Redis

from tests.support import canaries as c
from tests.support.intake import Intake
from tests.support.marked_messages import CHANGES, MPARTICLE, SEGMENT, SOUND, UNSOUND


@contextmanager
def hearing() -> Iterator[c.Heard]:
    """Everything logged in this process, by loggers as talkative as they can be; Ferry itself mutes urllib3's."""
    heard = c.Heard()
    known = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    levels = {each: each.level for each in (logging.root, *known) if not each.name.startswith("urllib3")}
    for logger in levels:
        logger.setLevel(logging.DEBUG)
    logging.root.addHandler(heard)
    yield heard
    logging.root.removeHandler(heard)
    for logger, level in levels.items():
        logger.setLevel(level)


def post_all(intake: Intake) -> list[requests.Response]:
    """Every marked message but the slow ones, and a few requests that fail for what stands around the body."""
    answers = [intake.post(path, body, token=c.TOKEN, Idempotency_Key=c.ANN) for path, body in SOUND]
    assert {answer.status_code for answer in answers} <= {200, 202}
    refused = [intake.post(path, body, token=c.TOKEN) for path, body in UNSOUND]
    refused.append(intake.post(CHANGES, {"email": c.ANN}, token=c.WRONG_TOKEN))
    refused.append(intake.post(MPARTICLE, {"email": c.ANN}, token=""))
    refused.append(intake.post(SEGMENT, {"email": c.ANN}, token="", X_Signature=c.ANN))
    refused.append(intake.post(CHANGES, c.ANN, token=c.TOKEN, Content_Encoding=c.MARK))
    refused.append(intake.post(CHANGES, c.ANN, token=c.TOKEN, Content_Encoding="gzip"))
    refused.append(intake.post(CHANGES, c.ANN, token=c.TOKEN, Idempotency_Key=c.ANN * 20))
    refused.append(intake.get(f"{CHANGES}?email={c.ANN}", token=c.TOKEN))
    assert {answer.status_code for answer in refused} == {400, 401, 404, 405, 415}
    return answers + refused


def said(answers: list[requests.Response]) -> list[str]:
    """The answers in which a mark stands, their headers included."""
    return [text for text in (f"{each.headers} {each.text}" for each in answers) if c.marks(text)]


def silent(heard: c.Heard, redis: Redis) -> None:
    """Nothing marked was logged or stands in Redis where no person is kept; what was heard is forgotten."""
    assert heard.leaks() == []
    assert c.leaks(redis) == {}
    heard.lines.clear()
