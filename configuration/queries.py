"""Queries that Ferry runs, each for one audience, and the sources that they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from configuration.due import Schedule

Kind = Literal["server", "sqlite", "folder"]
Null = Literal["clear", "keep"]


#: Rows of the largest result that is read without another `max_rows`.
MAX_ROWS: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class DataSource:
    """A database, or a folder of files.

    `location`: the URL of a server, else an absolute path; a URL has a password. `time_zone`: of times without a zone.
    `runs_at_once`: how many queries may read it at one time. `dbt_manifest`: dbt's manifest.json, for queries that
    name a model.
    """

    name: str
    kind: Kind
    location: str = field(repr=False)
    time_zone: str = "UTC"
    runs_at_once: int = 1
    dbt_manifest: Path | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A query whose result is everybody who should be on the list of the audience `name`.

    One of `sql_file` (an absolute path), `table` and `dbt_model` says what to read. `list_name`: the name of the
    audience and of a new list. `schedule` (crontab, in `time_zone`) or `every_seconds`; without both it runs only when
    somebody asks. `catch_up_seconds`: how late a missed run may begin; None: the default rule.

    `min_rows`, `max_rows`: a result outside of them is refused. `max_shrink_percent`: of rows that cannot be sent, and
    `max_removal_percent`: of people who would leave; beyond them a run is held. None: no such limit, the connection's.
    `null`: an empty cell clears the attribute, or keeps the one that Klaviyo has. `attributes`: to send; None: the
    connection's. `columns`: Klaviyo's name, or that of a property -> the column; with those of the audience's own
    settings.
    """

    name: str
    source: str
    sql_file: Path | None = None
    table: str | None = None
    dbt_model: str | None = None
    list_name: str | None = None
    connection: str = "default"
    schedule: str | None = None
    every_seconds: int | None = None
    time_zone: str = "UTC"
    jitter_minutes: int = 0
    catch_up_seconds: int | None = None
    timeout_minutes: int = 30
    max_rows: int = MAX_ROWS
    min_rows: int | None = None
    max_shrink_percent: int | None = None
    max_removal_percent: int | None = None
    null: Null = "clear"
    attributes: tuple[str, ...] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    paused: bool = False

    @property
    def when(self) -> Schedule:
        """When it runs."""
        return Schedule(self.schedule, self.every_seconds, self.time_zone, self.catch_up_seconds)


def definition(query: Query, sha256_of_sql: str) -> dict[str, str]:
    """Return what decides who is in the result of a query, by its name for people, to notice a change. Pure."""
    columns = sha256(repr(sorted(query.columns.items())).encode()).hexdigest()
    return {"SQL": sha256_of_sql, "source": query.source, "setting columns": columns}


def query_named(queries: Iterable[Query], name: str) -> Query | None:
    """Return the query of this name."""
    return next((query for query in queries if query.name == name), None)


def source_of(query: Query, sources: Iterable[DataSource]) -> DataSource:
    """Return the source of a query, which is there: connections.toml is refused otherwise."""
    return next(source for source in sources if source.name == query.source)
