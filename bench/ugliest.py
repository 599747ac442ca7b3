"""Figure: how long other senders wait while Ferry takes the most expensive messages that the limits allow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import orjson
import requests
from redis import Redis

from bench.errors import BenchError
from bench.messages import TOKEN
from bench.processes import redis_server
from bench.report import Figure, Row, Verdict
from bench.rivals import ferry
from bench.sizes import Sizes

#: Targets in ms.
TARGET = 250
CALL_TARGET = 10
_HEADERS = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
_MPARTICLE = {"type": "audience_membership_change_request"}
_HOW = """\
One `ferry web` gets, one after the other, the messages that cause the most work within the limits, and two beyond them:
10,000 changes with 40 attributes, 50,000 memberships of 50 people, 10,000 profiles that are `1`, a person with 240,000
values, 10,000 tracks, 10 MB of `{}`, and 700,000 names. Meanwhile two other clients read `/healthz` and post one
change, each again as soon as it is answered. The slowest answer counts; it is compared with the slowest answer in the
same time without such messages, because other work on the machine slows both. The longest call of a script is taken
from the server's SLOWLOG and compared with the duration that only one call in a hundred exceeds."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Send each message once. Raises BenchError when one gets an unexpected answer."""
    with redis_server(folder) as url, ferry(url, folder, 1) as intake:
        intake.redis.config_set("slowlog-log-slower-than", 0)
        intake.redis.config_set("slowlog-max-len", 1_000_000)
        base = f"http://127.0.0.1:{intake.ports[0]}"
        change = orjson.dumps({"audience": {"id": 1}, "changes": [{"action": "add", "email": "ann@example.com"}]})

        def look() -> requests.Response:
            return requests.get(f"{base}/healthz", timeout=60)

        def post() -> requests.Response:
            return requests.post(f"{base}/v1/changes", change, headers=_HEADERS, timeout=60)

        began = time.perf_counter()
        with _Asking(look) as health, _Asking(post) as others:
            for message in _messages(sizes.changes / 100_000):
                _send(base, *message)
        seconds = time.perf_counter() - began
        calls = _calls(intake.redis)
        with _Asking(look) as quiet, _Asking(post) as others_quiet:
            time.sleep(seconds)
    rows = [
        _row("Slowest answer of /healthz beside the ugliest messages", health.slowest, quiet.slowest, TARGET),
        _row("Slowest answer to another sender's change", others.slowest, others_quiet.slowest, TARGET),
        _row("Longest call of a script", calls[0], calls[len(calls) // 100], CALL_TARGET),
    ]
    return Figure("The ugliest messages", _HOW, rows)


class _Asking(threading.Thread):
    """Sends requests repeatedly for the length of a block. `slowest`: ms of the slowest answer."""

    def __init__(self, ask: Callable[[], requests.Response]) -> None:
        super().__init__(daemon=True)
        self._ask = ask
        self._over = threading.Event()
        self.slowest = 0.0
        self.count = 0

    def __enter__(self) -> _Asking:
        self._ask()  # a first request opens connections
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Send requests until the end of the block."""
        while not self._over.is_set():
            began = time.perf_counter()
            self._ask().raise_for_status()
            self.slowest = max(self.slowest, (time.perf_counter() - began) * 1000)
            self.count += 1


def _messages(share: float) -> Iterator[tuple[str, bytes, int]]:
    """Yield path, body and expected status. `share`: the part of the size that the limits allow."""
    people = max(1, int(10_000 * share))
    attributes = {f"attribute_{number:03}": number for number in range(40)}
    changes = [{"action": "add", "email": f"p{n}@example.com", "attributes": attributes} for n in range(people)]
    yield "/v1/changes", orjson.dumps({"audience": {"id": 2}, "changes": changes}), 202
    many = [{"audience_id": number, "action": "add"} for number in range(max(1, int(1_000 * share)))]
    profiles = [_person(number) | {"audiences": many} for number in range(50)]
    yield "/v1/mparticle", _membership(profiles), 202
    yield "/v1/mparticle", _membership([1] * people), 202
    wide = {"audience_id": 3, "action": "add", "user_attributes": {"x": [[]] * int(240_000 * share)}}
    yield "/v1/mparticle", _membership([_person(1) | {"audiences": [wide]}]), 202
    track = {"type": "track", "event": "Seen", "userId": "u", "properties": {"email": "ann@example.com"}}
    yield "/v1/segment", orjson.dumps({"batch": [track | {"messageId": str(n)} for n in range(people)]}), 200
    yield "/v1/mparticle", _membership([{}] * 3_400_000), 413
    names = {f"n{number}": 1 for number in range(700_000)}
    yield "/v1/mparticle", orjson.dumps(_MPARTICLE | names), 413


def _person(number: int) -> dict[str, Any]:
    return {"user_identities": [{"type": "email", "encoding": "raw", "value": f"q{number}@example.com"}]}


def _membership(profiles: list[Any]) -> bytes:
    return orjson.dumps(_MPARTICLE | {"user_profiles": profiles})


def _send(base: str, path: str, body: bytes, status: int) -> None:
    answer = requests.post(base + path, body, headers=_HEADERS, timeout=120)
    if answer.status_code != status:
        raise BenchError(
            f"{path} answered {answer.status_code} instead of {status} to {len(body):,} bytes: {answer.text}"
        )


def _calls(redis: Redis) -> list[float]:
    """Return the ms of each call of a script that changes something, longest first."""
    entries = cast("list[Any]", redis.slowlog_get(1_000_000))
    return sorted((each["duration"] / 1000 for each in entries if each["command"][:7] == b"EVALSHA"), reverse=True)


def _row(what: str, ms: float, otherwise: float, target: float) -> Row:
    verdict = Verdict(target=f"<= {target:g} ms", met=ms <= target)
    return Row(what, f"{ms:.1f} ms", f"{otherwise:.1f} ms", verdict)
