"""Read values of PostgreSQL for which psycopg would end the run, or has types of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from psycopg.adapt import Buffer, Loader
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader

from sources.values import INFINITE, read_json

#: Read as the database writes them: psycopg has types of its own for these.
_AS_TEXT: Final = (
    *("interval", "time", "timetz", "inet", "cidr"),
    *("int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange"),
    *("int4multirange", "int8multirange", "nummultirange", "datemultirange", "tsmultirange", "tstzmultirange"),
)


class _TimeLoader(Loader):
    """Reads times; psycopg's own loader raises for infinite times and years before 1, so one cell ends the run."""

    read: Callable[[str], object] = staticmethod(datetime.fromisoformat)

    def load(self, data: Buffer) -> Any:
        try:
            return self.read(bytes(data).decode())
        except ValueError:
            return INFINITE


class _DateLoader(_TimeLoader):
    read = staticmethod(date.fromisoformat)


class _PaddedLoader(TextLoader):
    """Reads char(n) without the spaces that fill it up."""

    def load(self, data: Buffer) -> bytes | str:
        found = super().load(data)
        return found.rstrip(" ") if isinstance(found, str) else found


def _json(data: str | bytes) -> Any:
    return read_json(data if isinstance(data, str) else data.decode())


def adapt(connection: Any) -> None:
    """Set how one connection of psycopg reads values."""
    adapters = connection.adapters
    for name in ("timestamp", "timestamptz"):
        adapters.register_loader(name, _TimeLoader)
    adapters.register_loader("date", _DateLoader)
    adapters.register_loader("bpchar", _PaddedLoader)
    for name in _AS_TEXT:
        adapters.register_loader(name, TextLoader)
    set_json_loads(_json, connection)
