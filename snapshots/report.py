"""What reading a snapshot found out about it besides its rows: encoding, columns, fields left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from queues.snapshots.records import ColumnUse, Record

#: Columns that are reported, and fields left out; JSON may have another set of names in each row.
_COLUMNS: Final = 200
#: The longest name that is reported. A longer one, or one with an @, is perhaps not a name but somebody's data.
_NAME: Final = 100


@dataclass(slots=True)
class ReadReport:
    """`recognised`: the encoding was not announced. `left_out`: field -> reason -> rows that are sent without it."""

    encoding: str = ""
    recognised: bool = False
    columns: dict[str, ColumnUse] = field(default_factory=dict)
    left_out: dict[str, Counter[str]] = field(default_factory=dict)

    def use(self, column: str, becomes: str, why_not: str = "") -> None:
        """Note what a column becomes. `why_not`: why it is not sent, empty if it is."""
        if len(self.columns) < _COLUMNS and is_shown(column):
            self.columns.setdefault(column, ColumnUse(column, becomes, why_not))

    @property
    def spoken(self) -> str:
        """Return the encoding, with a mark when nobody announced it."""
        return f"{self.encoding} (recognised)" if self.recognised else self.encoding

    def fill(self, record: Record) -> None:
        """Write the findings into the record of the snapshot, with those of the program that sent it."""
        for column, reasons in record.order.left_out.items():
            for reason, rows in reasons.items():
                self.leave_out(column, reason, rows)
        record.encoding = self.spoken
        record.columns = [*self.columns.values()]
        record.left_out = {field: dict(reasons) for field, reasons in self.left_out.items()}

    def leave_out(self, field: str, reason: str, rows: int = 1) -> None:
        """Count rows that are sent without a field."""
        name = field if is_shown(field) else "(a name with personal data)"
        if name not in self.left_out:
            name = name if len(self.left_out) < _COLUMNS else "(further names)"
            self.left_out.setdefault(name, Counter())
        self.left_out[name][reason] += rows


def is_shown(name: str) -> bool:
    """Return whether the name of a column may be stored and shown."""
    return len(name) <= _NAME and "@" not in name
