"""Waiting for Klaviyo as a command may: it has time, and nobody's batch in hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Hold, Outcome, Retry, summary
from ops.errors import Failed

Answer = TypeVar("Answer")
#: Faults in a row until it is given up, after about a minute; waiting for a limit is no fault.
_TRIES: Final = 6
_LIMITS: Final = frozenset({"throttled", "own_limit"})
_FIRST_S: Final = 1.0


def patiently(ask: Callable[[], Answer], sleep: Callable[[float], None] = time.sleep) -> Answer:
    """What `ask` answers, asked again while Klaviyo's limit or a passing fault is in the way.

    Raises Failed for an answer that waiting does not change, and after the sixth fault in a row.
    """
    faults = 0
    while True:
        try:
            return ask()
        except NotAccepted as refusal:
            outcome = refusal.outcome
            faults += isinstance(outcome, Retry) and outcome.why not in _LIMITS
            if not isinstance(outcome, Retry) or faults >= _TRIES:
                raise Failed(f"Klaviyo cannot be asked: {refusal.endpoint} is {_said(outcome)}") from refusal
            sleep(_FIRST_S * 2**faults if outcome.after_s is None else outcome.after_s)


def _said(outcome: Outcome) -> str:
    # A worker would hold something; nothing is held because a command asked in vain.
    return f"refused ({outcome.reason}). {outcome.resolve}" if isinstance(outcome, Hold) else summary(outcome)
