"""A delivery that no server stands behind."""

from __future__ import annotations

from worker.delivery import Delivery


class WithoutLedger(Delivery):
    """Keeps what it achieved to itself."""

    def note(self) -> None:
        """Nothing dies here."""
