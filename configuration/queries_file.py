"""Reads the tables [sources.<name>] and [queries.<name>] of connections.toml (FERRY_CONNECTIONS), and joins them with
the connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from marshmallow import ValidationError

from configuration.connections import AudienceSettings, Connection, Connections, is_name
from configuration.queries import DataSource, Query
from configuration.queries_schema import EXAMPLES, PLACES, QuerySchema, SourceSchema, seconds
from configuration.tables import ConnectionsError, document, read_table, variable

Made = TypeVar("Made")

_source_schema = SourceSchema()
_query_schema = QuerySchema()


def load_sources(path: Path | None) -> tuple[DataSource, ...]:
    """Return the sources in the file; relative paths begin in its folder. Raises ConnectionsError."""
    return _loaded(path, "sources", lambda where, name, values: _source(path or Path(), where, name, values))


def load_queries(path: Path | None, sources: Sequence[DataSource], known: Connections) -> tuple[Query, ...]:
    """Return the queries in the file. `known`: the connections. Raises ConnectionsError with place and remedy."""
    by_name = {each.name: each for each in sources}

    def read(where: str, name: str, values: Any) -> Query:
        made = read_table(where, _query_schema, values, EXAMPLES, partial(_query, path or Path(), name))
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
        option = next(each for each in PLACES if each in read)
        manifest = read.get("dbt_manifest")
        return DataSource(
            name,
            PLACES[option],
            _url(read) if option == "url_env" else str(_beside(path, read[option])),
            read.get("time_zone", "UTC"),
            read.get("runs_at_once", 1),
            None if manifest is None else _beside(path, manifest),
        )

    return read_table(where, _source_schema, values, EXAMPLES, made)


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


#: Options whose name in `Query` differs -> that name, and what makes the value.
_RENAMED: Final[dict[str, tuple[str, Callable[[str], object]]]] = {
    "name": ("list_name", str),
    "every": ("every_seconds", seconds),
    "catch_up": ("catch_up_seconds", seconds),
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
            f"{where}: dbt_model needs dbt's manifest; add dbt_manifest = {EXAMPLES['dbt_manifest']} to "
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
