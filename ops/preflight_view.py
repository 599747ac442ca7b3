"""What a preflight found, for people and programs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rich.table import Table

from ops.mailable import CHANNELS, STATES, Standing
from ops.output import table
from wording import number, plural

_COLUMNS: Final = ("On the list: e-mail", "SMS", "Waiting: e-mail", "SMS ")
MEANING: Final = (
    "Being on a list is no consent, and Ferry changes none by putting somebody on one. Klaviyo skips the suppressed "
    "and the unsubscribed when it sends, and by SMS everybody who is not subscribed. The never subscribed do get "
    "e-mail: nothing in Klaviyo forbids it, so see that you may send it."
)


@dataclass(frozen=True, slots=True)
class Found:
    """`list_id`: None where Klaviyo has no list yet. `waiting`: those who are not on it yet.

    `leaving`, `left_out`: see `joining.Waiting`.
    """

    queue: str
    list_id: str | None
    members: Standing
    waiting: Standing
    leaving: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


def as_json(found: Found) -> dict[str, Any]:
    """For programs: the same numbers."""
    waiting = {**_standing(found.waiting), "left_out": dict(found.left_out), "leaving": found.leaving}
    told = {"queue": found.queue, "list_id": found.list_id}
    return {**told, "members": _standing(found.members), "waiting": waiting}


def _standing(standing: Standing) -> dict[str, Any]:
    told: dict[str, Any] = {"people": standing.people, "unknown": standing.unknown}
    for channel in CHANNELS:
        told[channel] = {state.replace(" ", "_"): standing.states[channel][state] for state in STATES}
    return {**told, "suppressed_by_reason": dict(standing.suppressed)}


def as_table(found: Found) -> Table:
    """One line for each state, and the reasons of the suppressed below them."""
    made = table("", *_COLUMNS, right=_COLUMNS)
    for state in STATES:
        made.add_row(state, *(number(s.states[channel][state]) for s in _both(found) for channel in CHANNELS))
        if state == "suppressed":
            for reason in sorted(found.members.suppressed | found.waiting.suppressed):
                of_reason = [number(standing.suppressed[reason]) for standing in _both(found)]
                made.add_row(f"  {reason}", of_reason[0], "", of_reason[1], "")
    made.add_row("unknown to Klaviyo", *(number(s.unknown) for s in _both(found) for _ in CHANNELS))
    made.add_row("people", *(number(s.people) for s in _both(found) for _ in CHANNELS))
    return made


def _both(found: Found) -> tuple[Standing, Standing]:
    return found.members, found.waiting


def remarks(found: Found) -> Iterator[str]:
    """What the table does not say."""
    if found.list_id is None:
        yield "Klaviyo has no list of this audience yet; Ferry makes it with the first upload."
    if found.leaving:
        yield f"{plural(found.leaving, 'removal')} of members that wait are not taken off these numbers."
    for reason, people in sorted(found.left_out.items()):
        yield f"{plural(people, 'waiting person', 'waiting people')} cannot be sent: {reason}."
    yield MEANING
