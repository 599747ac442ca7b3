"""Senders: what each may post, where and how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from configuration.connections import OF_ACCOUNT, Connection

#: The values of `routes`: mParticle's messages, `/v1/changes`, messages of the Segment spec, members of audiences,
#: campaigns.
ROUTES: Final = ("mparticle", "changes", "segment", "snapshots", "campaigns")


@dataclass(frozen=True, slots=True)
class Rate:
    """The requests that a sender may make: `per_second` on average, and `burst` at once."""

    per_second: int
    burst: int

    @property
    def seconds(self) -> int:
        """The window for `amount` requests, in whole seconds, because Redis counts in those."""
        return -(-self.burst // self.per_second)

    @property
    def amount(self) -> int:
        """Requests within `seconds`: the burst, rounded up so that the average is `per_second`."""
        return self.per_second * self.seconds


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender. None in `routes`, `connections`, `mparticle_accounts` and `rate`: no such limit.

    `tokens`, `segment_secrets`: each is valid; there may be several, so that one can be replaced. `accept_keys`: keys,
    lists and account settings in its messages also apply to connections from the settings. `allowed_origins`: of pages
    whose scripts may post with its write key.
    """

    name: str
    tokens: tuple[str, ...] = field(default=(), repr=False)
    segment_secrets: tuple[str, ...] = field(default=(), repr=False)
    routes: frozenset[str] | None = None
    connections: frozenset[str] | None = None
    mparticle_accounts: frozenset[int] | None = None
    rate: Rate | None = None
    accept_keys: bool = False
    allowed_origins: frozenset[str] = frozenset()

    @property
    def is_public(self) -> bool:
        """Whether visitors of web pages can read its write key."""
        return bool(self.allowed_origins)

    @property
    def only_connection(self) -> str | None:
        """The connection in `connections`, when there is exactly one."""
        return next(iter(self.connections)) if self.connections is not None and len(self.connections) == 1 else None

    def may_use(self, *routes: str) -> bool:
        """Return whether it may use one of these routes."""
        return self.routes is None or not self.routes.isdisjoint(routes)

    def may_send_for(self, account_id: int | None) -> bool:
        """Return whether it may send messages of an mParticle account, or (None) messages without one."""
        return self.mparticle_accounts is None or account_id in self.mparticle_accounts

    def may_name(self, connection: str) -> bool:
        """Return whether `connections` lets it name this connection, which need not exist."""
        return self.connections is None or connection in self.connections

    def may_reach(self, connection: Connection) -> bool:
        """Return whether it may send to a connection: one in `connections`, else one of its accounts."""
        if self.connections is not None:
            return connection.name in self.connections
        return self.mparticle_accounts is None or account_of(connection) in self.mparticle_accounts

    def may_set(self, connection: Connection) -> bool:
        """Return whether keys and lists in its messages apply to a connection.

        A connection from the settings is set by the settings; one made for an mParticle account is set by its messages.
        """
        return self.accept_keys or OF_ACCOUNT.fullmatch(connection.name) is not None


def account_of(connection: Connection) -> int | None:
    """Return the mParticle account of a connection, or None."""
    if OF_ACCOUNT.fullmatch(connection.name):
        return int(connection.name.partition("-")[2])
    return connection.mparticle_account
