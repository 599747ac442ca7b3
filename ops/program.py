"""A program of the group: what `ferry up` starts and watches. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Seconds to wait before a program is started again: the first, and the longest.
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
#: A program that ran this long is taken for healthy: its next end counts as the first.
HEALTHY_S = 60.0


@dataclass(frozen=True, slots=True)
class Program:
    """`stop_s`: seconds it gets to end by itself. `ready`: whether it can be used; None: nobody waits for it.

    `log`: the file it writes to; None for this process' own stderr.
    """

    name: str
    command: Sequence[str]
    stop_s: float
    ready: Callable[[], bool] | None = None
    log: Path | None = None


def wait_s(failures: int) -> float:
    """Before a program that ended `failures` times in a row is started again."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures - 1, 10))
