"""What can go wrong in the ledger.

LedgerError
├── LeaseLost
├── NoSecretKey
├── SecretKeyChanged
└── Unavailable
    ├── LedgerFull
    └── QueueFull
"""

from __future__ import annotations


class LedgerError(Exception):
    """Base of what the ledger raises. The docstring is the message where none is given."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.__doc__)


class LeaseLost(LedgerError):
    """Another worker holds the batch; this one must neither upload nor settle."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(f"batch {batch_id} is held by another worker now; this one drops it and loses nothing")


class NoSecretKey(LedgerError):
    """An API key cannot be kept encrypted: set FERRY_SECRET_KEY on every process, to the same value."""


class SecretKeyChanged(LedgerError):
    """The API key of an account was encrypted with another FERRY_SECRET_KEY: put the old one behind the new."""


class Unavailable(LedgerError):
    """Redis cannot be reached or is full; nothing was accepted. Repeat the request."""


class LedgerFull(Unavailable):
    """As many changes wait as may; nothing was accepted. Repeat the request later."""


class QueueFull(Unavailable):
    """As many changes wait in one queue as may."""

    def __init__(self, queue: str) -> None:
        super().__init__(
            f"As many changes wait in {queue} as may; nothing was accepted into it. Repeat the request later."
        )
