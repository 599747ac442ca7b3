"""Delay attempts with a token: the more wrong tokens a peer has sent recently, the longer its next attempt waits.

Nobody is locked out. Wrong tokens delay only their own peer: a common limit would let anybody lock the admin out, and
refusing the peer would do so behind a shared address.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

#: Attempts of a peer that may wait at a time in a process. More are refused, or a peer could avoid the wait with
#: parallel attempts.
PLACES: Final = 4
#: Attempts without a wait; seconds of the first wait, which doubles with each wrong token; seconds of the longest.
FREE: Final = 5
FIRST_S: Final = 0.25
LONGEST_S: Final = 2.0


class TooManyTries(Exception):
    """Too many attempts of the peer are waiting, so this one was not checked. `args[0]`: the peer."""


class TooSoon(Exception):
    """The attempt must wait `seconds` in all before its token is checked, because its peer sent wrong tokens."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def wait_s(wrong: int) -> float:
    """Return the seconds an attempt waits after this many wrong tokens of its peer within a minute. Pure."""
    return 0.0 if wrong < FREE else min(FIRST_S * 2 ** (wrong - FREE), LONGEST_S)


class WaitingRoom:
    """The waiting attempts of one process."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()

    async def turn(self, peer: str, attempt: Callable[[float], Awaitable[T]]) -> T:
        """Return the result of an attempt, once it has waited as long as it must. Raises TooManyTries.

        `attempt` takes the seconds that it has waited, and raises TooSoon if that is not enough: other attempts of
        the same peer may have failed meanwhile.
        """
        waited = 0.0
        while True:
            try:
                return await attempt(waited)
            except TooSoon as soon:
                await self._wait(peer, soon.seconds - waited)
                waited = soon.seconds

    async def _wait(self, peer: str, seconds: float) -> None:
        if self._waiting[peer] >= PLACES:
            raise TooManyTries(peer)
        self._waiting[peer] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting[peer] -= 1
            if not self._waiting[peer]:
                del self._waiting[peer]
