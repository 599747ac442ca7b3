"""`ferry holds`: what is held, why, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click
from rich.table import Table

from escaping import visible
from ops.installation import installation
from ops.options import json_option, var_option
from ops.output import console, print_json, table
from queues.census import Census
from queues.holds import Hold
from wording import moment, plural, span

_BY_ITSELF = "Ends by itself when the cause is gone"
_BY_HAND = "Ends by `ferry release`"


@dataclass(frozen=True, slots=True)
class Held:
    """A hold and what it is on. `probes`: how many found the cause still there."""

    on: str
    audience: str | None
    hold: Hold
    probes: int


@click.command("holds")
@json_option
@var_option
def list_holds(as_json: bool) -> None:
    """List what is held, why, and what ends it."""
    with installation() as ferry:
        census = ferry.census()
        found = list(held(census, ferry.confirmations()))
    if as_json:
        print_json([document(each) for each in found])
    elif found:
        console().print(_table(found, census.at))
        console().print("\nLet one go on with: ferry release NAME")
    else:
        console().print("Nothing is held.")


def held(census: Census, confirmations: Mapping[str, int]) -> Iterator[Held]:
    """Connections first, then queues. Pure."""
    for name, hold in sorted(census.holds.items()):
        yield Held(name, None, hold, confirmations.get(name, 0))
    for count in census.queues:
        if count.hold:
            yield Held(str(count.queue), count.name, count.hold, 0)


def document(each: Held) -> dict[str, Any]:
    """A hold, for programs."""
    return {
        "held": each.on,
        "kind": "connection" if each.audience is None else "queue",
        "audience": each.audience or None,
        "reason": each.hold.reason,
        "since": moment(each.hold.since),
        "resolve": each.hold.resolve,
        "ends_by_itself": each.hold.ends_by_itself,
        "error_id": each.hold.error_id,
        "probes": each.probes,
    }


def _table(found: list[Held], now: int) -> Table:
    made = table("Held", "For", "Reason", "What resolves it")
    for each in found:
        name = f"{each.on}\n{visible(each.audience)}" if each.audience else each.on
        made.add_row(name, span(now - each.hold.since), visible(each.hold.reason), _resolved_by(each))
    return made


def _resolved_by(each: Held) -> str:
    probed = f" ({plural(each.probes, 'probe')} so far)" if each.hold.probed else ""
    lines = [visible(each.hold.resolve or ""), f"{_BY_ITSELF if each.hold.ends_by_itself else _BY_HAND}{probed}."]
    if each.hold.error_id:
        lines.append(f"Klaviyo's error id: {visible(each.hold.error_id)}")
    return "\n".join(filter(None, lines))
