"""Read from the files of one folder by DuckDB: Parquet, CSV, JSON and DuckDB's own databases.

A query can open nothing outside of the folder and changes no setting. DuckDB lets a folder that may be read be written,
too, so only one statement is run, and only a SELECT.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from configuration.queries import DataSource
from sources.errors import SourceError
from sources.results import ROWS, OpenResult, ResultColumn
from sources.statement import Binds, Statement
from sources.values import INFINITE, read_json
from sources.watch import Watch
from text.wording import missing_package

#: Names of files in the SQL, also with * for several.
_FILES: Final = re.compile(r"'([^'/][^']*\.(?:parquet|csv|tsv|json|ndjson|jsonl)(?:\.gz)?)'", re.IGNORECASE)
#: A run shares the machine with the workers.
_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": 2,
    "memory_limit": "1GB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


@contextmanager
def opened(source: DataSource, statement: Statement, binds: Binds, watch: Watch, name: str) -> Iterator[OpenResult]:
    """Run the query. Raises SourceError."""
    try:
        import duckdb
    except ImportError as fault:
        raise SourceError("driver_missing", missing_package("A folder of files", "DuckDB", "duckdb")) from fault
    folder = Path(source.location)
    if not folder.is_dir():
        raise SourceError("source_missing", f"there is no folder {folder}: correct folder of [sources.{source.name}]")
    sql, used = statement.written("${}".format)
    with (
        _translated(watch, folder),
        closing(duckdb.connect(":memory:", config=_SETTINGS)) as connection,
        watch.stopping(connection.interrupt),
    ):
        connection.execute("SET TimeZone = 'UTC'")
        _attach(connection, folder, sql)
        _name_files(connection, folder, sql)
        _lock(connection, folder)
        _check(duckdb, connection, sql)
        found = connection.execute(sql, {each: getattr(binds, each) for each in used})
        columns = tuple(ResultColumn(each[0], str(each[1])) for each in found.description)
        yield OpenResult(columns, _batches(found, [_fix(each.type) for each in columns], watch, folder))


def _attach(connection: Any, folder: Path, sql: str) -> None:
    """Open the databases in the folder that the SQL names, read-only; one that another process writes is locked."""
    for file in sorted(folder.glob("*.duckdb")):
        if re.search(rf"\b{re.escape(file.stem)}\b", sql):
            connection.execute(f"ATTACH {_literal(file)} AS {_name(file.stem)} (READ_ONLY)")


def _name_files(connection: Any, folder: Path, sql: str) -> None:
    """Let the SQL name files without the path of the folder, which DuckDB would refuse."""
    for file in {*_FILES.findall(sql)}:
        if ".." not in file and any(folder.glob(file)):
            connection.execute(f"CREATE VIEW {_name(file)} AS FROM {_literal(folder / file)}")


def _lock(connection: Any, folder: Path) -> None:
    connection.execute(f"SET allowed_directories = [{_literal(folder)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _check(duckdb: Any, connection: Any, sql: str) -> None:
    if [each.type for each in connection.extract_statements(sql)] != [duckdb.StatementType.SELECT]:
        raise SourceError("query_failed", "the SQL is not one SELECT: write one")


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _fix(kind: str) -> Callable[[Any], Any] | None:
    """Return what makes of DuckDB's value the one that is meant; None if it is that already.

    Times that Python does not have come as text, and JSON always does.
    """
    if kind.startswith(("DATE", "TIMESTAMP")):
        return lambda value: INFINITE if isinstance(value, str) else value
    if kind == "JSON":
        return lambda value: value if value is None else read_json(value)
    return None


def _batches(
    found: Any, fixes: Sequence[Callable[[Any], Any] | None], watch: Watch, folder: Path
) -> Iterator[Sequence[Sequence[Any]]]:
    with _translated(watch, folder):
        while rows := found.fetchmany(ROWS):
            if any(fixes):
                rows = [[fix(cell) if fix else cell for fix, cell in zip(fixes, row, strict=True)] for row in rows]
            yield rows


@contextmanager
def _translated(watch: Watch, folder: Path) -> Iterator[None]:
    from duckdb import Error

    try:
        yield
    except Error as fault:
        # Without the cause, whose text quotes lines of files and would stand in a traceback.
        raise watch.why or _error(fault, folder) from None


def _error(fault: Exception, folder: Path) -> SourceError:
    """Return the error without DuckDB's text, which quotes lines of files, but for faults of the SQL itself."""
    kind = type(fault).__name__
    if kind == "IOException" and "lock" in str(fault):
        remedy = f"another process has a database in {folder} open: close it, or wait for the next run"
        return SourceError("busy", remedy, kind)
    if kind == "PermissionException":
        remedy = f"the SQL reads a file that is not in {folder}: correct its name, or leave it out"
        return SourceError("query_failed", remedy, kind)
    if kind in ("ParserException", "BinderException", "CatalogException"):
        said = str(fault).partition("\n")[0]
        return SourceError("query_failed", "correct the SQL: it must be one SELECT of DuckDB", kind, said)
    return SourceError("query_failed", "check the files, and run the SQL in DuckDB's own shell", kind)
