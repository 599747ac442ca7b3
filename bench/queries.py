"""Figure: the result of a query, read from SQLite and PostgreSQL, staged, gathered and compared with the list.

A process of its own reads each source: `python -m bench.queries KIND LOCATION ROWS REDIS`.
"""

from __future__ import annotations

import importlib
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
from redis import Redis

from bench.errors import BenchError
from bench.processes import environment, python, redis_server, run_to_end
from bench.report import Figure, Row, Verdict
from bench.sizes import Sizes
from configuration.queries import DataSource, Query
from identity.sending import Policy
from mappings.rules import Rules
from queues.names import Queue
from queues.people.identity_tokens import Holder, RememberedPerson
from queues.snapshots import members
from queues.snapshots.members import Bucket, Member
from queues.snapshots.records import SnapshotOrder
from snapshots import planning
from snapshots.digests import digests
from snapshots.gathering import gather
from snapshots.plan import PlannedChange
from snapshots.plan_store import Plan
from snapshots.reading import rows
from snapshots.rows import Selection
from sources.reading import read
from sources.staging import StagedResult, stage
from worker.snapshots.plan import fault

#: CPU seconds of a million rows to parse and gather, and MB above the imports.
TARGET_S = 45.0
TARGET_MB = 150.0
_MILLION = 1_000_000
_PATIENCE_S = 1_800.0
_AT = 1_800_000_000_000
_ORDER = SnapshotOrder("bench", _AT, "ndjson")
_AUDIENCE = Queue("default", "audience", "people")
_TABLE = """
CREATE TABLE people (email TEXT, phone_number TEXT, external_id TEXT, first_name TEXT, last_name TEXT, city TEXT,
    country TEXT, plan TEXT, orders INTEGER, spent NUMERIC(10, 2), last_seen TIMESTAMP, active BOOLEAN)
"""
#: `{n}`: the number of the row, `{seven}`, `{four}`: it with seven digits, and its last four; `{seen}`: a time.
_ROW = """
INSERT INTO people SELECT 'person.' || {seven} || '@example.com', '+1415555' || {four}, 'c-' || {seven}, 'First',
    'Last', 'San Francisco', 'US', 'gold', {n} % 40, ({n} % 100000) / 100.0, {seen}, {yes} FROM {numbers}
"""
_HOW = """\
A table of 12 columns: e-mail, phone, external id, five texts, a whole number, a decimal, a time and a yes or no, of
which everything is sent. A process for each source reads it as the run of a query does. Read and staged: from the start
of the query until all rows are in a local file. Parsed and gathered: that file, sorted by the buckets of the membership
ledger. First comparison: with an empty ledger, so each person is planned to join; nobody is mapped, because a row that
was read can be sent unless it is large. Then the ledger is filled as if all had been delivered, and the query runs
again, with everything up to the comparison: it must plan no change, so nothing is queued for Klaviyo. CPU time of the
process, of threads too, without that of the PostgreSQL server and Redis; both runs are shown. Memory is the VmHWM at
the end of the second run, less the resident memory after the imports."""
_NONE = "no PostgreSQL: set FERRY_TEST_POSTGRES"


@dataclass(frozen=True, slots=True)
class ReadCosts:
    """CPU seconds of the first and the second run, `mb` above the imports, and changes planned by the second run."""

    staged: tuple[float, float]
    gathered: tuple[float, float]
    compared: tuple[float, float]
    mb: float
    planned_again: int


class _Unremembered:
    """The remembered identities of an installation that remembers nobody."""

    def hash(self, _: object) -> bytes:
        return b""

    def people(self, _: Sequence[bytes]) -> dict[bytes, RememberedPerson]:
        return {}

    def holders(self, _: Sequence[bytes]) -> dict[bytes, list[Holder]]:
        return {}


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure both sources, PostgreSQL only if it can be reached. Raises BenchError when a row is missing."""
    count = sizes.result_rows
    sqlite = folder / "people.sqlite"
    fill_sqlite(sqlite, count)
    found = [*_rows("SQLite", count, _apart("sqlite", str(sqlite), count, folder))]
    with ExitStack() as stack:
        url = _postgresql(stack, count)
        if url is None:
            found.append(Row(f"Query of {count:,} rows in PostgreSQL", _NONE, "", Verdict()))
        else:
            found += _rows("PostgreSQL", count, _apart("server", url, count, folder))
    return Figure("Queries", _HOW, found)


def fill_sqlite(path: Path, count: int) -> None:
    """Create the table in a new SQLite file."""
    numbers = f"(WITH RECURSIVE g(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM g WHERE n + 1 < {count}) SELECT n FROM g)"  # noqa: S608
    words = {"seven": "printf('%07d', n)", "four": "printf('%04d', n % 10000)", "yes": "n % 2"}
    seen = "datetime(1764547200 + n, 'unixepoch')"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(_TABLE)
        database.execute(_ROW.format(n="n", numbers=numbers, seen=seen, **words))


def _postgresql(stack: ExitStack, count: int) -> str | None:
    """Return the URL of a database with the table, which is dropped with the stack; None without a server."""
    try:
        from tests.support.postgresql import database

        made = stack.enter_context(database())
    except ImportError:  # no driver, or no server and no package to start one from
        return None
    words = {"seven": "lpad(n::text, 7, '0')", "four": "lpad((n % 10000)::text, 4, '0')", "yes": "n % 2 = 1"}
    seen = "timestamp '2025-12-01' + n * interval '1 second'"
    made.run(_TABLE, _ROW.format(n="n", numbers=f"generate_series(0, {count - 1}) n", seen=seen, **words))
    return made.url


def _apart(kind: str, location: str, count: int, folder: Path) -> ReadCosts:
    """Measure in another process, with an empty ledger. Raises BenchError."""
    with redis_server(folder, f"redis-{kind}") as url:
        done = run_to_end(python("-m", "bench.queries", kind, location, str(count), url), environment())
    if done.returncode:
        raise BenchError(done.stderr.strip()[-2_000:])
    return msgspec.json.decode(done.stdout, type=ReadCosts)


def _rows(database: str, count: int, costs: ReadCosts) -> Iterator[Row]:
    target_s = TARGET_S * count / _MILLION
    few, again = max(costs.gathered) <= target_s, costs.planned_again
    what = f"Query of {count:,} rows in {database}"

    def twice(seconds: tuple[float, float]) -> str:
        return f"{seconds[0]:.1f} s, then {seconds[1]:.1f} s"

    yield Row(f"{what}: CPU to read and stage", twice(costs.staged), "", Verdict())
    verdict = Verdict("", f"<= {target_s:.3g} s", few)
    yield Row(f"{what}: CPU to parse and gather", twice(costs.gathered), "", verdict)
    yield Row(f"{what}: CPU to compare, list empty, then equal", twice(costs.compared), "", Verdict())
    small = Verdict("", f"< {TARGET_MB:.0f} MB", costs.mb < TARGET_MB)
    yield Row(f"{what}: peak memory above the imports", f"{costs.mb:.0f} MB", "", small)
    yield Row(f"{what}: changes of the second run", f"{again}", "", Verdict("", "0", again == 0))


def costs_of(source: DataSource, count: int, redis: Redis) -> ReadCosts:
    """Run the query twice in this process, as its worker does. Raises BenchError when a row is missing."""
    for module in ("sqlalchemy", "psycopg") if source.kind == "server" else ():
        importlib.import_module(module)
    before = _status_mb("VmRSS")
    first, planned = _run(source, count, redis, _fill)
    if planned != count:
        raise BenchError(f"the first run planned {planned} changes instead of {count}")
    second, again = _run(source, count, redis, lambda *_: None)
    staged, gathered, compared = zip(first, second, strict=True)
    return ReadCosts(staged, gathered, compared, _status_mb("VmHWM") - before, again)


def _run(
    source: DataSource, count: int, redis: Redis, then: Callable[[Redis, Plan], None]
) -> tuple[tuple[float, float, float], int]:
    """Return the CPU seconds of the three steps and how many changes they planned. `then`: done with the plan."""
    query = Query("people", source.name, table="people")
    marks = [time.process_time()]
    with closing(stage(read(query, source, time.monotonic() + _PATIENCE_S), Path(tempfile.gettempdir()))) as result:
        marks.append(time.process_time())
        with closing(gather(_people(result))) as people:
            marks.append(time.process_time())
            if people.counts.people != count:
                raise BenchError(f"{count} rows became {people.counts.people} people")
            plan = planning.plan(
                people, lambda some: members.read(redis, _AUDIENCE, some), _AT, _fault, _Unremembered()
            )
            with closing(plan):
                marks.append(time.process_time())
                then(redis, plan)
                planned = plan.counts.adds + plan.counts.updates + plan.counts.removals
    one, two, three = (after - before for before, after in pairwise(marks))
    return (one, two, three), planned


def _people(result: StagedResult) -> Iterator[Any]:
    return rows(result.pieces(), "ndjson", False, Selection(full=True))


def _fault(planned: PlannedChange, as_read: bool) -> str | None:
    return fault(planned, _ORDER, Rules(), Policy(), as_read=as_read)


def _fill(redis: Redis, plan: Plan) -> None:
    """Write the ledger as if all changes of the plan had been delivered."""
    for bucket, changes in plan.parts():
        delivered = Bucket({change.identity: Member(_AT, digests(change.fragment)) for change in changes})
        members.edit(redis, _AUDIENCE, [bucket], partial(_instead, delivered))


def _instead(after: Bucket, _number: int, _before: Bucket) -> Bucket:
    return after


def _status_mb(name: str) -> float:
    """Return a value of this process in MB. Linux only: it reads /proc."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    kind, location, count, url = sys.argv[1:]
    source = DataSource("bench", cast("Literal['server', 'sqlite']", kind), location)
    with Redis.from_url(url) as ledger:
        sys.stdout.write(json.dumps(asdict(costs_of(source, int(count), ledger))))
