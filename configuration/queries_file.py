"""Reads and validates the tables [sources.<name>] and [queries.<name>] of connections.toml (FERRY_CONNECTIONS)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from configuration.connections import AudienceSettings, Connection, Connections, is_name
from configuration.due import check
from configuration.queries import MAX_ROWS, DataSource, Kind, Query
from configuration.tables import ConnectionsError, document, read_table, variable

Made = TypeVar("Made")

#: What a source is -> the kind.
_PLACES: Final[dict[str, Kind]] = {"url_env": "server", "sqlite": "sqlite", "folder": "folder"}
_READS: Final = ("sql_file", "table", "dbt_model")
#: A table with its schema and its database, or a file of a folder.
_TABLE: Final = re.compile(r"[\w$]+([.][\w$]+){0,2}|[\w.-]+[.](parquet|csv|tsv|json|ndjson|jsonl)([.]gz)?")
_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}
#: A larger bound is a typing error.
_ROWS: Final = 100_000_000
_EXAMPLES: Final = {
    "url_env": '"WAREHOUSE_URL"',
    "sqlite": '"shop.sqlite"',
    "folder": '"exports"',
    "time_zone": '"Europe/Berlin"',
    "runs_at_once": "1",
    "dbt_manifest": '"target/manifest.json"',
    "source": '"warehouse"',
    "sql_file": '"queries/vips.sql"',
    "table": '"marts.vips"',
    "dbt_model": '"vips"',
    "name": '"VIPs"',
    "connection": '"default"',
    "schedule": '"30 6 * * mon-fri"',
    "every": '"2h"',
    "jitter_minutes": "5",
    "catch_up": '"6h"',
    "timeout_minutes": "30",
    "max_rows": "5_000_000",
    "min_rows": "100",
    "max_shrink_percent": "5",
    "max_removal_percent": "20",
    "null": '"keep"',
    "attributes": '["first_name", "plan"]',
    "columns": '{ email = "email_address" }',
    "paused": "true",
}


def _time_zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        raise ValidationError("not the name of a time zone.") from None


def _duration(text: str) -> None:
    if not _DURATION.fullmatch(text):
        raise ValidationError("not a duration: write a whole number and m, h or d.")


def _crontab(text: str) -> None:
    try:
        check(text)
    except ValueError as fault:
        raise ValidationError(str(fault)) from None


def _table(text: str) -> None:
    if not _TABLE.fullmatch(text):
        raise ValidationError("not the plain name of a table: write the query into a file and name it in sql_file.")


class SourceSchema(Schema):
    """One table `[sources.<name>]`."""

    url_env = fields.String(validate=validate.Length(1))
    sqlite = fields.String(validate=validate.Length(1))
    folder = fields.String(validate=validate.Length(1))
    time_zone = fields.String(validate=_time_zone)
    runs_at_once = fields.Integer(strict=True, validate=validate.Range(1, 100))
    dbt_manifest = fields.String(validate=validate.Length(1))

    @validates_schema
    def _place(self, read: dict[str, object], **_: object) -> None:
        _one_of(read, _PLACES)


class QuerySchema(Schema):
    """One table `[queries.<name>]`."""

    source = fields.String(required=True)
    sql_file = fields.String(validate=validate.Length(1))
    table = fields.String(validate=_table)
    dbt_model = fields.String(validate=validate.Length(1))
    name = fields.String(validate=validate.Length(1, 255))
    connection = fields.String()
    schedule = fields.String(validate=_crontab)
    every = fields.String(validate=_duration)
    time_zone = fields.String(validate=_time_zone)
    jitter_minutes = fields.Integer(strict=True, validate=validate.Range(0, 720))
    catch_up = fields.String(validate=_duration)
    timeout_minutes = fields.Integer(strict=True, validate=validate.Range(1, 1_440))
    max_rows = fields.Integer(strict=True, validate=validate.Range(1, _ROWS))
    min_rows = fields.Integer(strict=True, validate=validate.Range(0, _ROWS))
    max_shrink_percent = fields.Integer(strict=True, validate=validate.Range(0, 100))
    max_removal_percent = fields.Integer(strict=True, validate=validate.Range(0, 100))
    null = fields.String(validate=validate.OneOf(["clear", "keep"]))
    attributes = fields.List(fields.String(validate=validate.Length(1, 255)))
    columns = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 255)), values=fields.String(validate=validate.Length(1, 255))
    )
    paused = fields.Boolean()

    @validates_schema
    def _read(self, read: dict[str, object], **_: object) -> None:
        _one_of(read, _READS)

    @validates_schema
    def _when(self, read: dict[str, Any], **_: object) -> None:
        if "schedule" in read and "every" in read:
            raise ValidationError("there is also schedule; keep one of them.", "every")
        if "every" in read and read.get("jitter_minutes", 0) * 60 >= _seconds(read["every"]):
            raise ValidationError("not shorter than every; make it smaller.", "jitter_minutes")

    @validates_schema
    def _bounds(self, read: dict[str, Any], **_: object) -> None:
        if read.get("min_rows", 0) > read.get("max_rows", MAX_ROWS):
            raise ValidationError("larger than max_rows; make it smaller.", "min_rows")


def _one_of(read: Mapping[str, object], options: Mapping[str, object] | Sequence[str]) -> None:
    first, *others = options
    given = [option for option in options if option in read]
    if not given:
        raise ValidationError(f"missing, and so are {' and '.join(others)}; set one of them.", first)
    if len(given) > 1:
        raise ValidationError(f"there is also {given[0]}; keep one of them.", given[1])


_source_schema = SourceSchema()
_query_schema = QuerySchema()


def load_sources(path: Path | None) -> tuple[DataSource, ...]:
    """Return the sources in the file; relative paths begin in its folder. Raises ConnectionsError."""
    return _loaded(path, "sources", lambda where, name, values: _source(path or Path(), where, name, values))


def load_queries(path: Path | None, sources: Sequence[DataSource], known: Connections) -> tuple[Query, ...]:
    """Return the queries in the file. `known`: the connections. Raises ConnectionsError with place and remedy."""
    by_name = {each.name: each for each in sources}

    def read(where: str, name: str, values: Any) -> Query:
        made = read_table(where, _query_schema, values, _EXAMPLES, partial(_query, path or Path(), name))
        _check_names(where, made, by_name, known)
        audience = known.named(made.connection).audiences.get(name, AudienceSettings())
        return replace(made, columns={**audience.columns, **made.columns})

    return _loaded(path, "queries", read)


def applied(queries: Sequence[Query], known: Connections) -> Connections:
    """Return the connections with the settings that queries have for their audiences: columns, limit of removals.

    So they hold for every snapshot of the audience, wherever it comes from.
    """
    return Connections({each.name: replace(each, audiences=_audiences(each, queries)) for each in known})


def _loaded(path: Path | None, tables: str, read: Callable[[str, str, Any], Made]) -> tuple[Made, ...]:
    found = {} if path is None else document(path).get(tables, {})
    if not isinstance(found, dict):
        raise ConnectionsError(f"{path}: {tables} is not a table; write each as [{tables}.<name>]")
    made = []
    for name, values in found.items():
        where = f"{path}: [{tables}.{name}]"
        if not is_name(name):
            raise ConnectionsError(f"{where}: a name has up to 40 lower-case letters, digits, - and _")
        made.append(read(where, name, values))
    return tuple(made)


def _source(path: Path, where: str, name: str, values: Any) -> DataSource:
    def made(read: dict[str, Any]) -> DataSource:
        option = next(each for each in _PLACES if each in read)
        manifest = read.get("dbt_manifest")
        return DataSource(
            name,
            _PLACES[option],
            _url(read) if option == "url_env" else str(_beside(path, read[option])),
            read.get("time_zone", "UTC"),
            read.get("runs_at_once", 1),
            None if manifest is None else _beside(path, manifest),
        )

    return read_table(where, _source_schema, values, _EXAMPLES, made)


def _url(read: Mapping[str, Any]) -> str:
    """Return the URL of a server; it has a password, so no message repeats it. Raises ValidationError."""
    url = variable(read, "url_env").strip()
    scheme, found, _ = url.partition("://")
    if not found or not scheme:
        said = f"the value of {read['url_env']} is not a URL: write postgresql://user:password@host/database."
        raise ValidationError({"url_env": [said]})
    if scheme.partition("+")[0] in ("sqlite", "duckdb"):
        raise ValidationError({"url_env": [f"the value of {read['url_env']} is a file: name it in sqlite or folder."]})
    return url


def _query(path: Path, name: str, read: dict[str, Any]) -> Query:
    named: dict[str, Any] = {key: value for key, value in read.items() if key not in _RENAMED}
    if "sql_file" in read:
        named["sql_file"] = _beside(path, read["sql_file"])
    if "attributes" in read:
        named["attributes"] = tuple(read["attributes"])
    for option, (field, made) in _RENAMED.items():
        if option in read:
            named[field] = made(read[option])
    return Query(name, **named)


def _seconds(text: str) -> int:
    number, unit = text[:-1], text[-1]
    return int(number) * _SECONDS[unit]


#: Options whose name in `Query` differs -> that name, and what makes the value.
_RENAMED: Final[dict[str, tuple[str, Callable[[str], object]]]] = {
    "name": ("list_name", str),
    "every": ("every_seconds", _seconds),
    "catch_up": ("catch_up_seconds", _seconds),
}


def _beside(path: Path, given: str) -> Path:
    """Return the path of a file that is named in `path`."""
    return (path.parent / given).resolve()


def _check_names(where: str, query: Query, sources: Mapping[str, DataSource], known: Connections) -> None:
    source = sources.get(query.source)
    if source is None:
        there = ", ".join(sorted(sources)) or "none"
        raise ConnectionsError(f"{where}: there is no source {query.source!r}; add [sources.{query.source}] ({there})")
    if query.dbt_model is not None and source.dbt_manifest is None:
        raise ConnectionsError(
            f"{where}: dbt_model needs dbt's manifest; add dbt_manifest = {_EXAMPLES['dbt_manifest']} to "
            f"[sources.{source.name}]"
        )
    if query.connection not in {each.name for each in known}:
        raise ConnectionsError(
            f"{where}: there is no connection {query.connection!r} in this file; add [connections.{query.connection}]"
        )


def _audiences(connection: Connection, queries: Sequence[Query]) -> dict[str, AudienceSettings]:
    found = dict(connection.audiences)
    for query in queries:
        if query.connection == connection.name:
            own = found.get(query.name, AudienceSettings())
            percent = query.max_removal_percent
            found[query.name] = replace(
                own,
                columns=query.columns,
                max_removal_percent=own.max_removal_percent if percent is None else percent,
            )
    return found
