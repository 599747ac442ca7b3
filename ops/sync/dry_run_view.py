"""The result of a dry run, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ops.audit_format import masked, plain
from ops.output import console, print_json, table
from ops.sync.dry_run import SHOWN, DryRun
from ops.sync.view import columns_view, counts_table, reading
from text.wording import number, plural

_FLOWS = (
    "Klaviyo can start flows for everybody who joins a list: a first import may mail all of them. Check the flows "
    "that this list triggers."
)


def show(found: DryRun, personal_data: bool, as_json: bool) -> None:
    """Print the result; people are masked unless `personal_data` is True."""
    name = plain if personal_data else masked
    if as_json:
        print_json(document(found, name))
        return
    for part in view(found, name):
        console().print(part)


def document(found: DryRun, name: Callable[[str], str]) -> dict[str, Any]:
    """Return the result for programs."""
    return {
        "dry_run": True,
        "audience": str(found.audience),
        "compared_with": "klaviyo" if found.asked else "ledger",
        "counts": msgspec.to_builtins(found.counts),
        "first_rows": dict(found.first),
        **reading(found.report),
        "requests": {**asdict(found.effort), "minutes": round(found.effort.minutes, 2)},
        "guard": found.guard,
        "waiting": found.waiting,
        "people": {action: [name(each) for each in people] for action, people in found.people.items()},
    }


def view(found: DryRun, name: Callable[[str], str]) -> Iterator[RenderableType]:
    """Yield the counts, the requests, the remarks, and the first people."""
    held = "Klaviyo's list" if found.asked else "Ferry's ledger of the list"
    yield Text(f"Dry run of {found.audience}: nothing was stored or sent. Compared with {held}.\n")
    yield from columns_view(found.report.columns.values(), found.report.left_out, found.report.spoken)
    yield counts_table(found.counts, found.first, planned=True)
    yield Text(f"\n{_requests(found)}")
    for remark in _remarks(found):
        yield Text(remark)
    if any(found.people.values()):
        yield Text("")
        yield _people(found, name)


def _requests(found: DryRun) -> str:
    cost = found.effort
    parts = [
        plural(cost.imports, "import"),
        plural(cost.look_ups, "look-up of people on the list", "look-ups of people on the list"),
        plural(cost.removals, "removal of people", "removals of people"),
    ]
    if cost.profile_look_ups + cost.list_look_ups:
        parts.append(plural(cost.profile_look_ups + cost.list_look_ups, "look-up of profiles", "look-ups of profiles"))
    if cost.clears:
        parts.append(plural(cost.clears, "single request that empties fields", "single requests that empty fields"))
    if cost.pages:
        parts.append(plural(cost.pages, "page of the list", "pages of the list"))
    return f"Requests to Klaviyo: {', '.join(parts)}; {cost.minutes:,.1f} minutes at its limits, with enough workers."


def _remarks(found: DryRun) -> Iterator[str]:
    if found.guard:
        yield f"The guard would hold it for review: {found.guard}."
    if found.counts.adds:
        yield _FLOWS
    if found.waiting:
        yield f"Not in the comparison: {plural(found.waiting, 'change')} of the audience not delivered yet."


def _people(found: DryRun, name: Callable[[str], str]) -> Table:
    some = {action: people for action, people in found.people.items() if people}
    made = table(*(f"{action.capitalize()}: the first {number(SHOWN)}" for action in some))
    for row in zip_longest(*some.values()):
        made.add_row(*("" if each is None else name(each) for each in row))
    return made
