"""Sending: the portions of a batch go to Klaviyo in order; a refused one is narrowed until its bad rows are out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Bisect, Hold, Outcome
from worker.delivery import Delivery
from worker.narrowing import Refuse, narrow, reject


def send(
    delivery: Delivery,
    portions: Iterable[Sequence[int]],
    ask: Callable[[list[int]], None],
    check: Callable[[], object],
    refuse: Refuse | None = None,
) -> None:
    """Ask Klaviyo for each portion of rows, the first one first.

    `ask` raises NotAccepted for a refusal, and writes down what it achieved. `check` is called once, before a refusal
    that names nothing is taken for the fault of a row or of the whole connection, and raises NotAccepted where it is
    not: a 400 may mean a revision that is not served, and a 404 a list that is gone. `refuse`: what becomes of a bad
    row; without it a row is the number of an intent, which is rejected. Raises NotAccepted for refusals that concern
    more than rows, LeaseLost.
    """
    stack = [list(portion) for portion in portions][::-1]
    in_order = False
    while stack:
        portion = stack.pop()
        try:
            ask(portion)
        except NotAccepted as refusal:
            if _names_nothing(refusal.outcome) and not in_order:
                check()
                in_order = True
            stack += narrow(delivery, portion, refusal, refuse or partial(reject, delivery))


def _names_nothing(outcome: Outcome) -> bool:
    match outcome:
        case Bisect() | Hold(reason="revision"):
            return True
    return False
