"""What can go wrong in the ledger.

LedgerError
├── LeaseLost
├── NoSecretKey
├── SecretKeyChanged
├── SnapshotGone
├── SnapshotReplaced
└── Unavailable
    ├── CannotConfirm
    ├── LedgerFull
    ├── QueueFull
    └── Unconfirmed
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


class SnapshotGone(LedgerError):
    """Of the body of a snapshot not everything is there any more: send it again."""

    def __init__(self, snapshot_id: str) -> None:
        super().__init__(f"snapshot {snapshot_id}: its body is not there any more, or not all of it; send it again")


class SnapshotReplaced(LedgerError):
    """Another snapshot of the audience is carried out meanwhile; of this one nothing more may be written."""

    def __init__(self, snapshot_id: str) -> None:
        super().__init__(f"snapshot {snapshot_id}: another one of the audience is carried out instead")


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


class Unconfirmed(Unavailable):
    """Redis did not confirm that what came is durable."""

    def __init__(self, durability: str) -> None:
        super().__init__(
            f"Redis did not confirm in time what FERRY_DURABLE={durability} asks for. The message may have been "
            "accepted; repeat it, with the same id if it has one."
        )


class CannotConfirm(Unavailable):
    """Redis cannot confirm what is asked of it, so it is not asked to take anything."""

    def __init__(self, durability: str, why: str) -> None:
        super().__init__(
            f"Redis cannot confirm what FERRY_DURABLE={durability} asks for ({why}); nothing was accepted. Repeat the "
            "request later."
        )
