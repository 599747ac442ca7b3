"""Measure the Redis memory of a remembered person: `python -m bench.identity_memory [PEOPLE]`, by default a million."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from redis import Redis

from bench.errors import BenchError
from bench.messages import CONNECTION, number, phone
from bench.processes import redis_server
from klaviyo.imports import MAX_ROWS
from queues.clock import now_ms
from queues.names import Queue
from queues.people.identities import Identities

_QUEUE: Final = Queue(CONNECTION, "audience", "1")
#: The number of identifiers that Klaviyo shows on the profile: all except the mpid.
_SHOWN: Final = 3


def measure(people: int, folder: Path) -> float:
    """Return the bytes of Redis for each of so many people on one list: the increase of `used_memory` when empty.

    Each has an e-mail, a customer id, a phone and an mpid, and the profile id of a Klaviyo account. They are
    remembered in portions as large as the largest upload, with the calls that worker/people/proving.py and
    worker/people/remembering.py make. Raises BenchError when a person is not remembered.
    """
    with redis_server(folder, f"remembered-{people}") as url, Redis.from_url(url) as redis:
        memory = Identities(redis, CONNECTION)
        _remember(memory, people)
        _flush(memory)  # loads the script and makes the buffers
        before = _used(redis)
        for first in range(0, people, MAX_ROWS):
            portion = range(first, min(first + MAX_ROWS, people))
            for person in portion:
                _remember(memory, person)
            _flush(memory)
            _check(memory, portion)
        return (_used(redis) - before) / people


def _remember(memory: Identities, person: int) -> None:
    name, *others = ids = _ids(person)
    hashed, now = memory.hash(name), now_ms()
    on = [memory.short(each) for each in ids if each[0] != "mpid"]
    memory.remember(hashed, _profile_id(person), on, now)
    for each in others:
        memory.deliver(hashed, each, now)
    memory.own(hashed, memory.hash(others[-1]), _QUEUE)
    memory.join(hashed, _QUEUE)


def _ids(person: int) -> list[tuple[str, str]]:
    """Return the identifiers of a person as bench/messages.py makes them."""
    digits = number(person)
    return [
        ("email", f"firstname.lastname.{digits}@example.com"),
        ("external_id", f"customer-{digits}"),
        ("phone", phone(person)),
        ("mpid", f"1519934{digits}"),
    ]


def _profile_id(person: int) -> str:
    """Return a ULID like Klaviyo's ids, all of the same length."""
    return f"01{number(person):0>24}"


def _flush(memory: Identities) -> None:
    if not memory.flush():
        raise BenchError("Redis does not have enough memory to remember people")


def _check(memory: Identities, portion: range) -> None:
    found = memory.people([memory.hash(_ids(person)[0]) for person in portion]).values()
    if sum(len(each.on) == _SHOWN and len(each.audiences) == 1 for each in found) != len(portion):
        raise BenchError(f"{len(found)} of {len(portion)} people are remembered, or some lack identifiers")


def _used(redis: Redis) -> int:
    return int(redis.info("memory")["used_memory"])


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="ferry-") as temporary:
        found = measure(wanted, Path(temporary))
    sys.stdout.write(f"{wanted:,} people: {found:.1f} bytes each\n")
