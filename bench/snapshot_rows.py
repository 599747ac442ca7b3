"""Figure: the cost of reading and sorting the rows of a snapshot, before anything is compared or queued."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from bench.errors import BenchError
from bench.mapping import check, in_turns, ratio
from bench.report import Figure, Row, Verdict, at_most
from bench.sizes import Sizes
from snapshots.gathering import gather
from snapshots.reading import rows
from snapshots.rows import Selection

#: The most that rows may take whose phones are no numbers, of those with valid ones.
TARGET = 1.2
_VALID, _DUMMY = "+1415555", "+1555555"
_HOW = """\
A CSV with e-mail, phone, external id and five attributes in each row, all of them sent, is read and sorted
by the buckets of the membership ledger, as a worker does it first. Compared with `phonenumbers` alone on the same
numbers, and with the same rows whose phones are dummies, `+1555555` and four digits. CPU time of one core; the ratios
are medians of those of the rounds."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure rows with valid numbers in turns with `phonenumbers`, and with dummies. Raises BenchError."""
    numbers = [("US", phone) for phone in _phones(_VALID, sizes.people)]
    valid, dummies = gathering(sizes.people), gathering(sizes.people, _DUMMY)
    ours, alone = in_turns(valid, lambda: check(numbers), sizes.rounds)
    others, usual = in_turns(dummies, valid, sizes.rounds)
    row, phone, dummy = (median(rounds) / sizes.people * 1e6 for rounds in (ours, alone, others))
    return Figure(
        "Rows of a snapshot",
        _HOW,
        [
            Row(
                "Reading a row of a snapshot",
                f"{row:.0f} us",
                f"{phone:.0f} us `phonenumbers` alone",
                Verdict(f"{ratio(ours, alone):.2f}x"),
            ),
            Row(
                "The same with phones that are no numbers",
                f"{dummy:.0f} us",
                f"{row:.0f} us with valid ones",
                at_most(ratio(others, usual), TARGET),
            ),
        ],
    )


def gathering(people: int, beginning: str = _VALID) -> Callable[[], None]:
    """Return the work of reading and sorting the rows of so many people. `beginning`: of their phones."""
    phones = _phones(beginning, people)
    return lambda: _gather(phones)


def _phones(beginning: str, count: int) -> list[str]:
    return [f"{beginning}{i % 10_000:04d}" for i in range(count)]


def _gather(phones: list[str]) -> None:
    """Read and sort a row for each phone. Raises BenchError when people are missing."""
    gathered = gather(rows(_body(phones), "csv", gzip=False, selection=Selection(full=True)))
    people = gathered.counts.people
    gathered.close()
    if people != len(phones):
        raise BenchError(f"{len(phones)} rows became {people} people")


def _body(phones: list[str]) -> Iterator[bytes]:
    yield b"email,phone_number,external_id,first_name,last_name,city,country,plan\n"
    for number, phone in enumerate(phones):
        line = f"person.{number:07d}@example.com,{phone},c-{number:07d},First,Last,San Francisco,US,gold\n"
        yield line.encode()
