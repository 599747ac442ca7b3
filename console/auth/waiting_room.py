"""Where tries with a token wait for their turn: the longer, the more wrong ones came from their peer of late.

Nobody is shut out. Wrong tokens make the next try of the same peer wait, and of nobody else: a limit for all together
would let anybody keep the admin out, and refusing the peer would do so behind an address that many share.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

#: Tries of a peer that wait at a time in a process; more are refused, or a peer would try without a wait by trying at
#: once.
PLACES: Final = 4
#: Tries without a wait; seconds of the first wait, which doubles with each wrong try; and of the longest.
FREE: Final = 5
FIRST_S: Final = 0.25
LONGEST_S: Final = 2.0


class TooManyTries(Exception):
    """So many tries of the peer wait already that this one was not looked at. `args[0]`: the peer."""


class TooSoon(Exception):
    """A try has to wait for so many seconds in all before its token is looked at. Wrong tokens of its peer came."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def wait_s(wrong: int) -> float:
    """Seconds that a try waits after so many wrong tokens of its peer within a minute. Pure."""
    return 0.0 if wrong < FREE else min(FIRST_S * 2 ** (wrong - FREE), LONGEST_S)


class WaitingRoom:
    """For one process."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()

    async def turn(self, peer: str, attempt: Callable[[float], Awaitable[T]]) -> T:
        """What an attempt comes to, once it has waited for as long as it has to. Raises TooManyTries.

        `attempt`: is given the seconds that it has waited, and raises TooSoon where that is not enough: others of the
        same peer may have been wrong meanwhile.
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
