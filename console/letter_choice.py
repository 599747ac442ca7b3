"""The dead letters that somebody wants to send again: some by name, or all that fit a filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import falcon

from console.letter_filter import Filter, filter_of
from console.letter_ref import Ref

_TITLE: Final = "Which letters?"


@dataclass(frozen=True, slots=True)
class Choice:
    """`refs`, oldest first; without them all that `wanted` fits. `until`: ms before which those have died.

    A letter that dies after somebody was told how many there are is not among them.
    """

    refs: tuple[Ref, ...]
    wanted: Filter
    until: int

    @property
    def fields(self) -> dict[str, str]:
        """As a form brings it, read by `from_form`."""
        if self.refs:
            return {"letters": " ".join(map(str, self.refs))}
        wanted = self.wanted
        return {"queue": wanted.queue, "reason": wanted.reason, "until": str(self.until)}


def from_query(letters: Sequence[str], every: bool, param: Callable[[str], str | None], now: int) -> Choice:
    """What a link or a list of ticked letters asks for. `every`: all that fit; `now`: ms. Raises HTTPBadRequest."""
    if not letters and not every:
        raise falcon.HTTPBadRequest(title=_TITLE, description="None is ticked. Go back and tick those that you mean.")
    wanted = filter_of(param)
    return Choice(_refs(letters), wanted, wanted.until(now))


def from_form(form: dict[str, str]) -> Choice:
    """What was confirmed. Raises HTTPBadRequest."""
    letters, until = form.get("letters", "").split(), form.get("until", "")
    if not letters and not (until.isascii() and until.isdigit() and len(until) < 16):
        raise falcon.HTTPBadRequest(title=_TITLE, description="The form names none. Begin at the page of dead letters.")
    return Choice(_refs(letters), filter_of(form.get), int(until or 0))


def _refs(letters: Sequence[str]) -> tuple[Ref, ...]:
    try:
        return tuple(sorted({Ref.parse(each) for each in letters}))
    except ValueError as fault:
        raise falcon.HTTPBadRequest(title=_TITLE, description=f"{fault}.") from fault
