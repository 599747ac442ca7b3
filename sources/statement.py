"""The SQL of a query, and the two values that it may use: `:slot` and `:last_run`.

There are no templates: a value that is put into the text of the SQL is empty or wrong one day, and the list with it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from configuration.queries import DataSource, Query
from sources.errors import SourceError

#: Literals, quoted names and comments, in which nothing is a value; then a value; then any colon.
_TOKEN: Final = re.compile(
    r"""(?P<fixed>'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
        | (?<![:\w]):(?P<bind>slot|last_run)\b
        | (?P<colon>:)""",
    re.DOTALL | re.VERBOSE,
)
#: What looks like a value. Some servers have other meanings for it, such as the end of an array's part: `[:n]`.
_NAMED: Final = re.compile(r"(?<![:\w]):[A-Za-z_]\w*")
_ENDED: Final = re.compile(r"[\s;]+\Z")
#: The beginning of what only reads, after comments and brackets. MySQL carries out what is in /*! */. Atomic: a comment
#: must not be read as a shorter or longer one to find a SELECT in it or behind it.
_READS: Final = re.compile(
    r"(?>\s++ | \( | --[^\n]*+ | \#[^\n]*+ | /\*(?!M?!).*?\*/)*+ (?:select|with|values|table)\b",
    re.DOTALL | re.VERBOSE | re.IGNORECASE,
)


class Binds(NamedTuple):
    """The values of a run as ISO 8601 in UTC. `last_run`: None before the first run that ended well."""

    slot: str
    last_run: str | None

    @classmethod
    def of(cls, slot: datetime | None, last_run: datetime | None) -> Binds:
        """Return the values. `slot`: None: now."""
        return cls(_iso(slot or datetime.now(UTC)), None if last_run is None else _iso(last_run))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT, without a semicolon at its end. `sha256`: of the text."""

    sql: str
    sha256: str

    def written(self, bind: Callable[[str], str], colon: str = ":") -> tuple[str, set[str]]:
        """Return the SQL with each value written by `bind`, and the names of the values. `colon`: any other colon."""
        used = set[str]()

        def replaced(match: re.Match[str]) -> str:
            if name := match["bind"]:
                used.add(name)
                return bind(name)
            return match[0].replace(":", colon)

        return _TOKEN.sub(replaced, self.sql), used

    def other_values(self) -> list[str]:
        """Return what looks like a value that Ferry does not have, such as `:today`, each once."""
        text = _TOKEN.sub(lambda match: "x" if match["fixed"] or match["bind"] else match[0], self.sql)
        return [*dict.fromkeys(_NAMED.findall(text))]


def begins_to_read(sql: str) -> bool:
    """Return whether SQL begins as a SELECT does. What follows may still write. Pure."""
    return _READS.match(sql) is not None


def statement_of(query: Query, source: DataSource) -> Statement:
    """Return the SQL of a query: of its file, or everything in its table or dbt model. Raises SourceError."""
    if query.sql_file is not None:
        text = _file(query.sql_file)
    elif query.table is not None:
        text = _everything(f"'{query.table}'" if source.kind == "folder" else query.table)
    else:
        text = _everything(_relation(source.dbt_manifest, query.dbt_model))
    return Statement(_ENDED.sub("", text), hashlib.sha256(text.encode()).hexdigest())


def _everything(table: str) -> str:
    return f"SELECT * FROM {table}"  # noqa: S608  # the settings allow only plain names


def _file(path: Path) -> str:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        remedy = f"{path} cannot be read: put the SQL there as UTF-8, or correct sql_file"
        raise SourceError("sql_missing", remedy, type(fault).__name__) from fault
    if not text.strip():
        raise SourceError("sql_missing", f"{path} is empty: write one SELECT into it")
    return text


class _Node(msgspec.Struct):
    name: str
    resource_type: str
    relation_name: str | None = None


class _Manifest(msgspec.Struct):
    nodes: dict[str, _Node]


_decode: Final = msgspec.json.Decoder(_Manifest).decode


def _relation(manifest: Path | None, model: str | None) -> str:
    """Return the quoted name of the table or view of a dbt model (dbt's manifest.json, `relation_name`)."""
    try:
        nodes = _decode(Path(manifest or "").read_bytes()).nodes.values()
    except (OSError, msgspec.DecodeError) as fault:
        remedy = f"{manifest} is not dbt's manifest: run dbt, or correct dbt_manifest"
        raise SourceError("sql_missing", remedy, type(fault).__name__) from fault
    found = [each.relation_name for each in nodes if each.resource_type == "model" and each.name == model]
    if len(found) != 1 or not found[0]:
        raise SourceError(
            "sql_missing", f"dbt's manifest has {len(found)} models {model} with a table or view: correct dbt_model"
        )
    return found[0]
