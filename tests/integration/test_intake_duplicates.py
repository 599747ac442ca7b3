"""A message that a CDP sends many times at once is stored once, and taken each time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests
from redis import Redis

from queues.census import count
from queues.names import Queue
from tests.support.intake import Intake, known, running
from tests.support.posted import PATH, QUEUE, SECRET, membership

TIMES = 50
CHANGES = Queue("default", "audience", "42")


@pytest.fixture
def intakes(redis_url: str) -> Iterator[list[Intake]]:
    """Two of them, as on two machines."""
    settings = known(redis_url, secret_keys=(SECRET,))
    with ExitStack() as stack:
        yield [stack.enter_context(running(settings)) for _ in range(2)]


def at_once(intakes: list[Intake], path: str, body: object, **headers: str) -> list[requests.Response]:
    together = threading.Barrier(TIMES)

    def post(number: int) -> requests.Response:
        together.wait(30)
        return intakes[number % len(intakes)].post(path, body, **headers)

    with ThreadPoolExecutor(TIMES) as senders:
        return list(senders.map(post, range(TIMES)))


def check_stored_once(redis: Redis, answers: list[requests.Response], queue: Queue, changes: int) -> None:
    assert [answer.status_code for answer in answers] == [202] * TIMES
    (found,) = count(redis, [queue])
    assert (found.accepted, found.waiting.pending) == (changes, changes)


def test_fifty_copies_of_an_idempotent_request_are_stored_once(redis: Redis, intakes: list[Intake]) -> None:
    people = [{"action": "add", "email": f"p{n}@example.com"} for n in range(3)]
    body = {"audience": {"id": "42", "name": "VIPs"}, "changes": people}
    answers = at_once(intakes, "/v1/changes", body, Idempotency_Key="one and the same")
    check_stored_once(redis, answers, CHANGES, 3)
    assert [answer.json()["repeated"] for answer in answers].count(False) == 1


def test_fifty_copies_of_a_message_of_mparticle_are_stored_once(redis: Redis, intakes: list[Intake]) -> None:
    answers = at_once(intakes, PATH, membership("a@example.com", "b@example.com"))
    check_stored_once(redis, answers, QUEUE, 2)
