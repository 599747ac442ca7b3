"""Dead letters as a CSV for Klaviyo's import. Pure.

UTF-8, e-mail or phone first, up to 50 MB, no person twice; other columns become properties of that name, lists are
JSON (Klaviyo: uploading contacts from a CSV).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from identity.persons import Intent
from mappings.rules import Rules
from ops.export.columns import CsvColumns
from ops.export.joining import joined
from queues.change import Change
from text.escaping import csv_line
from worker.people.batch_people import People

#: Klaviyo's names of its own fields. The first three columns are always present.
_HEADERS: Final = {
    "email": "Email",
    "phone_number": "Phone Number",
    "external_id": "External ID",
    "first_name": "First Name",
    "last_name": "Last Name",
    "organization": "Organization",
    "title": "Title",
    "image": "Image",
    "locale": "Locale",
    "location.address1": "Address",
    "location.address2": "Address 2",
    "location.city": "City",
    "location.region": "State / Region",
    "location.zip": "Zip Code",
    "location.country": "Country",
    "location.timezone": "Timezone",
    "location.latitude": "Latitude",
    "location.longitude": "Longitude",
    "location.ip": "IP Address",
}
_ALWAYS: Final = ("Email", "Phone Number", "External ID")
_COLUMNS: Final = CsvColumns(_HEADERS, _ALWAYS)


@dataclass(frozen=True, slots=True)
class LettersCsv:
    """A CSV: its content, the number of people in it, and the number left out by reason."""

    content: bytes
    people: int
    left_out: Mapping[str, int]


def sheet(changes: Sequence[Change], rules: Rules, *, safe: bool = False) -> LettersCsv:
    """Return a CSV of the people whom these changes of one audience add to its list, oldest first.

    `safe`: for a spreadsheet, which might read a cell as a formula, and not for Klaviyo.
    """
    left_out: Counter[str] = Counter()
    rows: list[dict[str, str]] = []
    taken: set[str] = set()
    for intent in People(changes, rules).intents:
        row = _row(intent, changes, rules)
        if isinstance(row, str):
            left_out[row] += 1
            continue
        identities = {row[name] for name in _ALWAYS[:2] if row.get(name)}
        if not identities:
            left_out["without e-mail and phone"] += 1
        elif identities & taken:
            left_out["with the e-mail or phone of another"] += 1
        else:
            taken |= identities
            rows.append(row)
    return LettersCsv(_written(rows, safe), len(rows), left_out)


def _row(intent: Intent, changes: Sequence[Change], rules: Rules) -> dict[str, str] | str:
    """Return the cells by header, or the reason why there are none."""
    profile = joined(intent, changes, rules)
    return profile if isinstance(profile, str) else _COLUMNS.cells(profile)


def _written(rows: Sequence[Mapping[str, str]], safe: bool) -> bytes:
    headers = _COLUMNS.ordered({header for row in rows for header in row})
    lines = (headers, *([row.get(name, "") for name in headers] for row in rows))
    return b"".join(csv_line(cells, safe) for cells in lines)
