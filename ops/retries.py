"""Waiting for Klaviyo as a command may: it has time, and nobody's batch in hand."""

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
#: Faults in a row until it is given up, after about a minute; waiting for a limit is no fault.
_TRIES: Final = 6
_LIMITS: Final = frozenset({"throttled", "own_limit"})
_FIRST_S: Final = 1.0
#: Seconds that a page waits for Klaviyo between its questions.
_BRIEF_S: Final = 4.0


class Retrying(Protocol):
    """How long to wait for Klaviyo."""

    def __call__(self, ask: Callable[[], Answer], /) -> Answer:
        """What `ask` answers. Raises Failed."""


def with_retries(
    ask: Callable[[], Answer], sleep: Callable[[float], None] = time.sleep, most_s: float = math.inf
) -> Answer:
    """What `ask` answers, asked again while Klaviyo's limit or a passing fault is in the way.

    Raises Failed for an answer that waiting does not change, after the sixth fault in a row, and where it would wait
    for over `most_s` seconds in all.
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
    """The same for a page, in front of which somebody sits. Raises Failed."""
    return with_retries(ask, most_s=_BRIEF_S)


def _wait(outcome: Outcome, faults: int) -> float:
    """Seconds until it is asked again; without end where waiting changes nothing."""
    if not isinstance(outcome, Retry):
        return math.inf
    return _FIRST_S * 2**faults if outcome.after_s is None else outcome.after_s


def _said(outcome: Outcome) -> str:
    # A worker would hold something; nothing is held because a command asked in vain.
    return (
        f"refused ({outcome.reason}). {visible(outcome.resolve)}"
        if isinstance(outcome, HoldNeeded)
        else summary(outcome)
    )
