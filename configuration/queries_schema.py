"""The options of the tables [sources.<name>] and [queries.<name>] of connections.toml, and their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from configuration.due import check
from configuration.queries import MAX_ROWS, Kind

#: What a source is -> the kind.
PLACES: Final[dict[str, Kind]] = {"url_env": "server", "sqlite": "sqlite", "folder": "folder"}
_READS: Final = ("sql_file", "table", "dbt_model")
#: A table with its schema and its database, or a file of a folder.
_TABLE: Final = re.compile(r"[\w$]+([.][\w$]+){0,2}|[\w.-]+[.](parquet|csv|tsv|json|ndjson|jsonl)([.]gz)?")
_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}
#: A larger bound is a typing error.
_ROWS: Final = 100_000_000
#: By option, what stands in a message about a wrong value.
EXAMPLES: Final = {
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
        _one_of(read, PLACES)


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
        if "every" in read and read.get("jitter_minutes", 0) * 60 >= seconds(read["every"]):
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


def seconds(text: str) -> int:
    """Return the seconds of a duration such as `2h`."""
    number, unit = text[:-1], text[-1]
    return int(number) * _SECONDS[unit]
