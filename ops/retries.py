"""Retries of requests to Klaviyo by commands, which can wait because they hold no batch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import HoldNeeded, Outcome, Retry, summary
from ops.errors import Failed
from text.escaping import visible

Answer = TypeVar("Answer")
#: Consecutive faults until it gives up, after about a minute; waiting for a limit is not a fault.
_TRIES: Final = 6
_LIMITS: Final = frozenset({"throttled", "own_limit"})
_FIRST_S: Final = 1.0
#: Seconds that a page waits in total between its requests to Klaviyo.
_BRIEF_S: Final = 4.0


class Retrying(Protocol):
    """A function that asks Klaviyo, with retries."""

    def __call__(self, ask: Callable[[], Answer], /) -> Answer:
        """Return the answer of `ask`. Raises Failed."""


def with_retries(
    ask: Callable[[], Answer], sleep: Callable[[float], None] = time.sleep, most_s: float = math.inf
) -> Answer:
    """Return the answer of `ask`; retry while a rate limit or a temporary fault prevents it.

    Raises Failed for a permanent refusal, after the sixth consecutive fault, and when it would wait for more than
    `most_s` seconds in total.
    """
    faults, waited = 0, 0.0
    while True:
        try:
            return ask()
        except NotAccepted as refusal:
            outcome = refusal.outcome
            faults += isinstance(outcome, Retry) and outcome.why not in _LIMITS
            wait = _wait(outcome, faults) if faults < _TRIES else math.inf
            if waited + wait > most_s or wait == math.inf:
                raise Failed(f"Klaviyo cannot be asked: {refusal.endpoint} is {_said(outcome)}") from refusal
            waited += wait
            sleep(wait)


def briefly(ask: Callable[[], Answer]) -> Answer:
    """Return the answer of `ask` for a page, with only brief retries. Raises Failed."""
    return with_retries(ask, most_s=_BRIEF_S)


def _wait(outcome: Outcome, faults: int) -> float:
    """Return the seconds until the next attempt; infinity if waiting does not help."""
    if not isinstance(outcome, Retry):
        return math.inf
    return _FIRST_S * 2**faults if outcome.after_s is None else outcome.after_s


def _said(outcome: Outcome) -> str:
    # A worker would place a hold; a command's refused request places none.
    return (
        f"refused ({outcome.reason}). {visible(outcome.resolve)}"
        if isinstance(outcome, HoldNeeded)
        else summary(outcome)
    )
