"""Random ugly requests to a whole `ferry up`: names that stand twice, too many of something, too deep, too large.

`python -m tests.support.ugly --requests 20000 --seed 7`
"""

from __future__ import annotations

import gzip
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
import requests

from intake.http import limits
from local import group_files
from tests.support.up import Up

#: MB that no process may come to.
MEMORY_MB: Final = 300
_SENDERS: Final = 4
_EVERY: Final = 50
#: Bytes of one array.
_MOST: Final = 1_500_000
_NDJSON: Final = "application/x-ndjson"


@dataclass
class Seen:
    """What came of a run. `defects`: answers that may not be; `memory`: MB of each process at its largest."""

    answers: Counter[int] = field(default_factory=Counter)
    defects: list[str] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One of them. `number`: by which the seed makes it again."""

    number: int
    method: str
    path: str
    kind: str
    body: bytes
    packed: bool


class Ugly:
    """Makes request number so-and-so, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def request(self, number: int) -> Request:
        """Mostly a sound message with something ugly in it."""
        rnd = random.Random(f"{self._seed}/{number}")
        method, path, kind, body = rnd.choice(_WAYS)(rnd)
        raw = body.encode()[: limits.BODY + 1]
        if rnd.random() < 0.1:
            at = rnd.randrange(len(raw) + 1)
            raw = raw[:at] + rnd.randbytes(rnd.randrange(4)) + raw[at + rnd.randrange(4) :]
        packed = rnd.random() < 0.3
        return Request(number, method, path, kind, gzip.compress(raw, 1, mtime=0) if packed else raw, packed)


def _count(rnd: random.Random) -> int:
    """Mostly few; now and then about as many as a limit allows, and very many."""
    return rnd.choice([0, 1, 1, 2, 2, 3, 3, 5] * 40 + [99, 101, 999, 1_001] * 4 + [9_999, 10_001, 50_000, 600_000])


def _ugly(rnd: random.Random) -> str:
    """A value, as JSON."""
    return rnd.choice(_VALUES)(rnd)


def _deep(rnd: random.Random) -> str:
    depth = rnd.choice([3, 50, 58, 63, 64, 65, 66, 100, 1_000, 20_000])
    opening, closing = rnd.choice([("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
    return opening * depth + "1" + closing * rnd.choice([depth, depth, depth, depth - 1, 0])


def _number(rnd: random.Random) -> str:
    digits = (
        "".join(rnd.choices("0123456789", k=rnd.choice([1, 17, 20, 40, 99, 100, 101, 400, 5_000]))).lstrip("0") or "0"
    )
    return rnd.choice(["", "-"]) + digits + rnd.choice(["", "", ".5", "e5", "e999", "E+308", "e-999", "e00000400"])


def _text(rnd: random.Random) -> str:
    length = rnd.choice([0, 1, 5, 30, 300])
    return (
        '"'
        + "".join(rnd.choices(["a", "@", ".", "1", "[", "{", '\\"', "\\\\", "\\u0000", "\u202e", "é"], k=length))
        + '"'
    )


def _object(rnd: random.Random) -> str:
    """Names that mostly differ."""
    count = _count(rnd)
    if count > 10:
        return "{" + ",".join(f'"n{at}":{at}' for at in range(count)) + "}"
    return "{" + ",".join(f"{rnd.choice(_NAMES)}:{_ugly(rnd)}" for _ in range(count)) + "}"


def _array(rnd: random.Random) -> str:
    count = _count(rnd)
    return _repeated(_ugly(rnd), count) if count > 10 else "[" + ",".join(_ugly(rnd) for _ in range(count)) + "]"


def _plain(rnd: random.Random) -> str:
    return rnd.choice(
        ['"ann@example.com"', "true", "null", "0", '"+14155552671"', "{}", "[]", "NaN", '"2026-01-01T00:00:00Z"']
    )


_VALUES: Final[list[Callable[[random.Random], str]]] = [
    _plain,
    _plain,
    _plain,
    _plain,
    _text,
    _text,
    _number,
    _deep,
    _object,
    _array,
]
_NAMES: Final = ['"a"', '"a"', '"\\u0061"', '"email"', '"value"', '"id"', '"ann@example.com"', '""', '"type"']


def _fields(rnd: random.Random, **sound: str) -> str:
    """An object of these members, as JSON; some are left out, doubled or ugly."""
    members = []
    for name, value in sound.items():
        chance = rnd.random()
        if chance < 0.03:
            continue
        members.append(f'"{name}":{_ugly(rnd) if chance < 0.1 else value}')
        if chance > 0.96:
            members.append(f'"{name}":{rnd.choice([value, _ugly(rnd)])}')
    if rnd.random() < 0.1:
        members.append(f"{rnd.choice(_NAMES)}:{_ugly(rnd)}")
    return "{" + ",".join(members) + "}"


def _many(rnd: random.Random, make: Callable[[random.Random], str]) -> str:
    count = _count(rnd)
    return _repeated(make(rnd), count) if count > 10 else "[" + ",".join(make(rnd) for _ in range(count)) + "]"


def _repeated(one: str, count: int) -> str:
    """An array of the same so many times, but of no more than some MB: it may stand in another one."""
    return "[" + ",".join([one] * min(count, _MOST // (len(one) + 1) + 1)) + "]"


def _profile(rnd: random.Random) -> str:
    def identity(rnd: random.Random) -> str:
        return _fields(rnd, type='"email"', encoding='"raw"', value=f'"p{rnd.randrange(99)}@example.com"')

    def audience(rnd: random.Random) -> str:
        return _fields(rnd, audience_id=f"{rnd.randrange(9)}", action='"add"', user_attributes=_object(rnd))

    return _fields(rnd, mpid='"7"', user_identities=_many(rnd, identity), audiences=_many(rnd, audience))


def _mparticle(rnd: random.Random) -> tuple[str, str, str, str]:
    kind = rnd.choice(
        ["audience_membership_change"] * 4 + ["event_processing", "dsr_processing", "audience_subscription"]
    )
    sound = {"type": f'"{kind}_request"', "id": f'"{rnd.random()}"', "timestamp_ms": _number(rnd)}
    sound |= {
        "user_profiles": _many(rnd, _profile),
        "account": _fields(rnd, account_id="1", account_settings=_object(rnd)),
    }
    sound |= {
        "audience_id": "3",
        "audience_name": '"VIPs"',
        "system_notifications": _array(rnd),
        "consent_state": _object(rnd),
    }
    return "POST", "/v1/mparticle", "application/json", _fields(rnd, **sound)


def _change(rnd: random.Random) -> str:
    sound = {"action": '"add"', "email": f'"p{rnd.randrange(99)}@example.com"', "attributes": _object(rnd)}
    return _fields(rnd, **sound, timestamp='"2026-01-01T00:00:00Z"')


def _changes(rnd: random.Random) -> tuple[str, str, str, str]:
    body = _fields(rnd, audience=_fields(rnd, id='"1"', name='"VIPs"'), changes=_many(rnd, _change))
    return "POST", "/v1/changes", "application/json", body


def _lines(rnd: random.Random) -> tuple[str, str, str, str]:
    return "POST", "/v1/changes?audience=2", _NDJSON, "\n".join(_change(rnd) for _ in range(_count(rnd) % 1_100))


def _segment(rnd: random.Random) -> tuple[str, str, str, str]:
    def message(rnd: random.Random) -> str:
        traits = _fields(rnd, email='"ann@example.com"', x=_ugly(rnd))
        return _fields(
            rnd, type=rnd.choice(['"identify"', '"track"']), event='"Seen"', traits=traits, properties=_object(rnd)
        )

    return "POST", "/v1/segment", "application/json", _fields(rnd, batch=_many(rnd, message), context=_object(rnd))


def _member(rnd: random.Random) -> str:
    return _fields(rnd, email=f'"m{rnd.randrange(99)}@example.com"', attributes=_object(rnd))


def _campaign(rnd: random.Random) -> tuple[str, str, str, str]:
    group = _fields(rnd, name='"A"', members=_many(rnd, _member))
    return (
        "POST",
        "/v1/campaigns",
        "application/json",
        _fields(rnd, name='"x"', groups=f"[{group}]", exclusions=_array(rnd)),
    )


def _snapshot(rnd: random.Random) -> tuple[str, str, str, str]:
    kind = rnd.choice(["application/json", _NDJSON])
    members = _many(rnd, _member)
    body = f'{{"members":{members}}}' if kind != _NDJSON else members.strip("[]").replace("},{", "}\n{")
    return (
        "PUT",
        f"/v1/audiences/{rnd.randrange(5)}/members",
        kind,
        rnd.choice([body, body, '{"members":' + _deep(rnd)]),
    )


_WAYS: Final = [_mparticle, _mparticle, _changes, _lines, _segment, _campaign, _snapshot]


def run(up: Up, seed: int, count: int) -> Seen:
    """Send so many requests, a few at a time, and look at the answers and at the memory of all processes."""
    seen, ugly = Seen(), Ugly(seed)
    token = group_files.read(up.var)["FERRY_TOKENS"].partition(":")[2]

    def send(number: int) -> None:
        made = ugly.request(number)
        headers = {"Authorization": f"Token {token}", "Content-Type": made.kind}
        headers |= {"Content-Encoding": "gzip"} if made.packed else {}
        url = f"http://127.0.0.1:{up.port}{made.path}"
        answer = requests.request(made.method, url, data=made.body, headers=headers, timeout=300)
        _judge(seen, made, answer)
        if number % _EVERY == 0:
            _weigh(seen, up.pids())

    with ThreadPoolExecutor(_SENDERS) as senders:
        list(senders.map(send, range(count)))
    _weigh(seen, up.pids())
    return seen


def _judge(seen: Seen, made: Request, answer: requests.Response) -> None:
    seen.answers[answer.status_code] += 1
    told: Any = answer.json() if answer.content else None
    is_sound = answer.status_code < 300 if "error" not in told else bool(told["error"]["description"])
    if answer.status_code in range(500, 503) or answer.status_code > 503 or not is_sound:
        seen.defects.append(
            f"request {made.number}: {made.method} {made.path} {made.body[:300]!r}: {answer.status_code}"
        )


def _weigh(seen: Seen, pids: dict[str, int]) -> None:
    """VmHWM of each process of the group, by name."""
    for name, pid in pids.items():
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        mb = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
        seen.memory[name] = max(seen.memory.get(name, 0.0), mb)


@click.command()
@click.option("--requests", "count", default=20_000, help="How many are sent.")
@click.option("--seed", type=int, default=None, help="Make those of an earlier run again.")
def main(count: int, seed: int | None) -> None:
    """Send ugly requests to a Ferry of its own; ends with 1 when an answer or a process's memory may not be."""
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    click.echo(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="ferry-") as folder:
        up = Up(Path(folder))
        try:
            up.wait_until_up()
            began = time.monotonic()
            seen = run(up, seed, count)
        finally:
            up.end()
    click.echo(f"{count} requests in {time.monotonic() - began:.0f} s: {dict(seen.answers)}")
    click.echo(", ".join(f"{name} {mb:.0f} MB" for name, mb in seen.memory.items()))
    if seen.defects or max(seen.memory.values()) > MEMORY_MB:
        raise click.ClickException("\n".join([*seen.defects[:20], "see above"]))


if __name__ == "__main__":
    main()
