"""The time limit of a query, and the wish to cancel it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

from sources.errors import SourceError

#: Seconds between two looks at the clock, and between two attempts to stop a query.
_EVERY_S: Final = 0.5


class Watch:
    """Stops a query from a thread of its own: a driver that waits for the server looks at no clock.

    `deadline`: by time.monotonic(). `cancelled`: called twice a second from that thread; it may also
    renew a lease. An error in it cancels the query.
    """

    def __init__(self, deadline: float, cancelled: Callable[[], bool]) -> None:
        self._deadline = deadline
        self._cancelled = cancelled
        self._ended = threading.Event()
        self._calling = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self._why: SourceError | None = None
        self._thread = threading.Thread(target=self._run, name="query-watch", daemon=True)

    def __enter__(self) -> Watch:
        self._look()
        self.check()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @contextmanager
    def stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call `stop`, from the thread, when the time is over; it makes the driver's call end with an error.

        It is not called after the context.
        """
        self._stop = stop
        try:
            yield
        finally:
            with self._calling:
                self._stop = None

    def left(self) -> float:
        """Return the seconds that are left."""
        return self._deadline - time.monotonic()

    def check(self) -> None:
        """Raise SourceError if the query was stopped."""
        if self._why:
            raise self._why

    @property
    def why(self) -> SourceError | None:
        """Why the query was stopped; None if it was not."""
        return self._why

    def _run(self) -> None:
        while not self._ended.wait(min(_EVERY_S, max(0.01, self._deadline - time.monotonic()))):
            self._look()
            # Again and again: between two calls of the driver there is nothing that could be stopped.
            with self._calling:
                if self._why and self._stop:
                    self._stop()

    def _look(self) -> None:
        if self._why is None and time.monotonic() >= self._deadline:
            self._why = SourceError("timed_out", "make the query faster, or raise timeout_minutes")
        elif self._why is None and self._is_cancelled():
            self._why = SourceError("cancelled", "run it again when you want it")

    def _is_cancelled(self) -> bool:
        try:
            return self._cancelled()
        except Exception:  # noqa: BLE001  # otherwise the thread would end, and with it the time limit
            return True
