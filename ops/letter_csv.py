"""Dead letters as a CSV that Klaviyo's own import takes. Pure.

UTF-8, the e-mail or phone first, up to 50 MB, nobody twice; other columns become properties of that name, lists are
JSON (Klaviyo: uploading contacts from a CSV).
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mappings.profile import Profile
from mappings.rules import Rules
from queues.change import Change
from worker.coalesce import Intent, coalesce
from worker.people import mapped_by

#: Bytes that Klaviyo takes in one file.
LARGEST: Final = 50_000_000
#: Klaviyo's names of its own fields. The first three are always there.
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
_OWN: Final = frozenset(header.casefold() for header in _HEADERS.values())


@dataclass(frozen=True, slots=True)
class Sheet:
    """`people` written, and those left out by the reason."""

    content: bytes
    people: int
    left_out: Mapping[str, int]


def sheet(changes: Sequence[Change], rules: Rules) -> Sheet:
    """Everybody whom these changes of one audience put on its list, oldest first; an import onto it does the same."""
    left_out: Counter[str] = Counter()
    rows: list[dict[str, str]] = []
    taken: set[str] = set()
    for intent in coalesce(changes):
        row = _row(intent, changes, rules)
        if isinstance(row, str):
            left_out[row] += 1
            continue
        identities = {row[name].lower() for name in _ALWAYS[:2] if row.get(name)}
        if not identities:
            left_out["without e-mail and phone"] += 1
        elif identities & taken:
            left_out["with the e-mail or phone of another"] += 1
        else:
            taken |= identities
            rows.append(row)
    return Sheet(_written(rows), len(rows), left_out)


def _row(intent: Intent, changes: Sequence[Change], rules: Rules) -> dict[str, str] | str:
    """The cells by header; text says why there are none."""
    if intent.membership != "add":
        return "leaving the audience" if intent.membership else "neither joining nor leaving"
    mapped = mapped_by(rules, [changes[i] for i in intent.written], "export")
    return dict(_cells(mapped)) if isinstance(mapped, Profile) else mapped.reason


def _cells(profile: Profile) -> Iterator[tuple[str, str]]:
    for name, value in profile.attributes.items():
        if name == "location":
            yield from ((_HEADERS[f"location.{part}"], _cell(each)) for part, each in value.items())
        elif name == "properties":
            yield from ((_header(key), _cell(each)) for key, each in value.items())
        else:
            yield _HEADERS[name], _cell(value)


def _header(key: str) -> str:
    """The property's name, unless Klaviyo would take it for a field of its own."""
    return f"{key} (property)" if key.strip().casefold() in _OWN else key


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _written(rows: Sequence[Mapping[str, str]]) -> bytes:
    used = {header for row in rows for header in row}
    own = [header for header in _HEADERS.values() if header in used or header in _ALWAYS]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, own + sorted(used.difference(own)), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
