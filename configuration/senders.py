"""Senders: who may post, what each may reach, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from configuration.connections import OF_ACCOUNT, Connection

#: What `routes` may name: the messages of mParticle, `/v1/changes`, `/v1/segment`, the members of audiences, campaigns.
ROUTES: Final = ("mparticle", "changes", "segment", "snapshots", "campaigns")


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests a sender may make: `per_second` in the long run, and `burst` at once."""

    per_second: int
    burst: int

    @property
    def seconds(self) -> int:
        """The window in which `amount` requests may come. Whole, because that is how Redis is asked to count."""
        return -(-self.burst // self.per_second)

    @property
    def amount(self) -> int:
        """Requests within `seconds`: the burst, rounded up so that the long run is `per_second`."""
        return self.per_second * self.seconds


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender. None in `routes`, `connections`, `mparticle_accounts` and `rate`: without that limit.

    `tokens`, `segment_secrets`: any of them shows or signs; several, so that one can be exchanged. `accept_keys`: what
    its messages say of keys, lists and account settings counts for connections that settings name, too.
    """

    name: str
    tokens: tuple[str, ...] = field(default=(), repr=False)
    segment_secrets: tuple[str, ...] = field(default=(), repr=False)
    routes: frozenset[str] | None = None
    connections: frozenset[str] | None = None
    mparticle_accounts: frozenset[int] | None = None
    rate: Rate | None = None
    accept_keys: bool = False

    def may_use(self, *routes: str) -> bool:
        """Whether one of these routes is open to it."""
        return self.routes is None or not self.routes.isdisjoint(routes)

    def may_send_for(self, account_id: int | None) -> bool:
        """Whether it may send messages of an mParticle account, or those that name none."""
        return self.mparticle_accounts is None or account_id in self.mparticle_accounts

    def may_name(self, connection: str) -> bool:
        """Whether it may name this connection, as far as `connections` says; there need be none of that name."""
        return self.connections is None or connection in self.connections

    def may_reach(self, connection: Connection) -> bool:
        """Whether it may send to a connection: one of `connections`, else one of its accounts."""
        if self.connections is not None:
            return connection.name in self.connections
        return self.mparticle_accounts is None or account_of(connection) in self.mparticle_accounts

    def may_set(self, connection: Connection) -> bool:
        """Whether what a message says of keys and lists counts for a connection.

        One that settings name is set by settings; one that was made for an mParticle account is set by its messages.
        """
        return self.accept_keys or OF_ACCOUNT.fullmatch(connection.name) is not None


def account_of(connection: Connection) -> int | None:
    """The mParticle account of a connection, None where it has none."""
    if OF_ACCOUNT.fullmatch(connection.name):
        return int(connection.name.partition("-")[2])
    return connection.mparticle_account
