"""The errors of the ledger.

LedgerError
├── LeaseLost
├── NoSecretKey
├── NotOurs
│   └── NodeOfCluster
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

from typing import Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError


class LedgerError(Exception):
    """Base class of the ledger's errors. The class docstring is the default message."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.__doc__)


class LeaseLost(LedgerError):
    """Another worker holds the batch; this one must not upload or settle it."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(f"batch {batch_id} is now held by another worker; this one drops it, and nothing is lost")


class NoSecretKey(LedgerError):
    """An API key cannot be stored encrypted: set FERRY_SECRET_KEY to the same value on every process."""


class NotOurs(LedgerError):
    """The Redis belongs to another installation, which the message names (installation.py)."""


class NodeOfCluster(NotOurs):
    """The URL of one server leads to a node of a Redis Cluster, which has some of the keys only."""


class SecretKeyChanged(LedgerError):
    """The API key of an account was encrypted with another FERRY_SECRET_KEY: add the old one after the new one."""


class SnapshotGone(LedgerError):
    """The body of a snapshot is missing or incomplete: send it again."""

    def __init__(self, snapshot_id: str) -> None:
        super().__init__(f"snapshot {snapshot_id}: its body is missing or incomplete; send it again")


class SnapshotReplaced(LedgerError):
    """Another snapshot of the audience is being carried out; nothing more of this one may be written."""

    def __init__(self, snapshot_id: str) -> None:
        super().__init__(f"snapshot {snapshot_id}: another snapshot of the audience is carried out instead")


TOO_MANY_CLIENTS: Final = (
    "Redis has as many connections as its maxclients allows. Raise maxclients: docs/deploy.md, Connections to Redis, "
    "says how many Ferry needs."
)


class NoFreeConnection(RedisConnectionError):
    """This process has as many connections as FERRY_REDIS_CONNECTIONS allows. `seconds`: waited for one."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            "This process has as many connections to Redis as FERRY_REDIS_CONNECTIONS allows, and none was free within "
            f"{seconds:.0f} s. Raise it: docs/deploy.md, Connections to Redis, says how many Ferry needs."
        )


def is_too_many_clients(fault: BaseException | None) -> bool:
    """Return whether Redis refused a connection because it has too many. Redis gives this fault no code of its own."""
    return isinstance(fault, RedisError) and "max number of clients" in str(fault)


WRONG_CERTIFICATE: Final = (
    "Its certificate is for another name, or its issuer is unknown. Correct the host in REDIS_URL, or name the file of "
    "the issuer in ssl_ca_certs. Nodes of a cluster must announce the names in their certificates: docs/deploy.md, "
    "Redis Cluster."
)


def is_wrong_certificate(fault: BaseException) -> bool:
    """Return whether the certificate of Redis was refused. redis-py gives this fault no class of its own."""
    return "CERTIFICATE_VERIFY_FAILED" in str(fault)


def outage(fault: RedisError) -> str:
    """Return why Redis cannot be used, for a log line."""
    if isinstance(fault, NoFreeConnection):
        return str(fault)
    if is_wrong_certificate(fault):
        return f"Redis cannot be trusted ({fault}). {WRONG_CERTIFICATE}"
    return TOO_MANY_CLIENTS if is_too_many_clients(fault) else f"Redis does not answer ({fault})."


class Unavailable(LedgerError):
    """Redis cannot be reached or is full; nothing was accepted. Repeat the request."""

    def __str__(self) -> str:
        cause = self.__cause__
        if isinstance(cause, NoFreeConnection):
            return f"{cause} Nothing was accepted. Repeat the request."
        if is_too_many_clients(cause):
            return f"{TOO_MANY_CLIENTS} Nothing was accepted. Repeat the request."
        return super().__str__()


class LedgerFull(Unavailable):
    """The limit of pending changes is reached; nothing was accepted. Repeat the request later."""


class QueueFull(Unavailable):
    """One queue has reached its limit of pending changes."""

    def __init__(self, queue: str) -> None:
        super().__init__(
            f"Queue {queue} has reached its limit of pending changes; nothing was accepted. Repeat the request later."
        )


class Unconfirmed(Unavailable):
    """Redis did not confirm that an acceptance is durable."""

    def __init__(self, durability: str) -> None:
        super().__init__(
            f"Redis did not confirm in time what FERRY_DURABLE={durability} asks for. The message may have been "
            "accepted; repeat it, with the same id if it has one."
        )


class CannotConfirm(Unavailable):
    """Redis cannot confirm the configured durability, so nothing is accepted."""

    def __init__(self, durability: str, why: str) -> None:
        super().__init__(
            f"Redis cannot confirm what FERRY_DURABLE={durability} asks for ({why}); nothing was accepted. Repeat the "
            "request later."
        )
