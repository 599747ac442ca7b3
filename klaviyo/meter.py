"""The interface through which the client reports its calls, so that they can be counted."""

from __future__ import annotations

from typing import Final, Protocol


class Meter(Protocol):
    """Counts events by endpoint. Its methods must not raise, because that would stop a call."""

    def calls(self, endpoint: str) -> None:
        """Count a request that is about to be sent: its slot is taken.

        Called before sending, because after it nothing may come between Klaviyo's answer and the record of it.
        """
        ...

    def throttled(self, endpoint: str) -> None:
        """Count an answer 429 of Klaviyo."""
        ...

    def waits(self, endpoint: str, seconds: float) -> None:
        """Count a wait: the limiter had no slot, so the request or its batch waits this long."""
        ...

    def partial_failure(self, endpoint: str, field: str) -> None:
        """Count a request that Klaviyo accepted without this field in one or more rows; see `responses.left_out`.

        Called after the answer, unlike `calls`, because the answer names the field.
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
