"""Who is told of the client's calls, to count them."""

from __future__ import annotations

from typing import Final, Protocol


class Meter(Protocol):
    """What the client tells, by endpoint. Nothing may be raised: it would stop a call."""

    def calls(self, endpoint: str) -> None:
        """A slot is taken and a request goes out.

        Told before it does: after it nothing may come between Klaviyo's answer and the note of it.
        """
        ...

    def throttled(self, endpoint: str) -> None:
        """Klaviyo answered 429."""
        ...

    def waits(self, endpoint: str, seconds: float) -> None:
        """The limiter had no slot: the request, or the batch that needs it, waits so long."""
        ...

    def partial_failure(self, endpoint: str, field: str) -> None:
        """Klaviyo took a request without this field of one row or more; see `partial.left_out` for what it may be.

        The answer says so, so this is told after it, unlike `calls`.
        """
        ...


class _Unmetered:
    """Counts nothing."""

    def calls(self, endpoint: str) -> None:
        """See `Meter`."""

    def throttled(self, endpoint: str) -> None:
        """See `Meter`."""

    def waits(self, endpoint: str, seconds: float) -> None:
        """See `Meter`."""

    def partial_failure(self, endpoint: str, field: str) -> None:
        """See `Meter`."""


UNMETERED: Final[Meter] = _Unmetered()
