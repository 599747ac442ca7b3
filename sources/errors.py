"""The error of a query that could not be read. Its message never has data of the source."""

from __future__ import annotations

from typing import Literal

Code = Literal[
    "driver_missing",
    "sql_missing",
    "source_missing",
    "unreachable",
    "busy",
    "query_failed",
    "connection_lost",
    "timed_out",
    "cancelled",
    "columns",
    "binary_column",
    "too_few_rows",
    "too_many_rows",
    "disk_full",
]


class SourceError(Exception):
    """The result was not read to its end, so nothing may be submitted.

    `code`: for programs. `remedy`: what to do. `detail`: SQLSTATE and class of the driver's error. `said`: the driver's
    own text where it can only have names of the query, for the user of a command; it is in no log and in no record.
    """

    def __init__(self, code: Code, remedy: str, detail: str = "", said: str = "") -> None:
        super().__init__(f"{code.replace('_', ' ')}{f' ({detail})' if detail else ''}: {remedy}")
        self.code = code
        self.remedy = remedy
        self.detail = detail
        self.said = said
