"""What a sender may do, looked at with each request: 403 says what it lacks, 429 when it may go on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import falcon

from connections import Connection
from intake.uses import Uses
from queues.sender_rates import SenderRates
from queues.senders import Lack
from senders import Sender

#: Template of an address -> the routes of which one opens it. Who posts campaigns may ask how their lists go.
_ROUTES: Final = {
    "/v1/mparticle": ("mparticle",),
    "/v1/changes": ("changes",),
    "/v1/segment": ("segment",),
    "/v1/campaigns": ("campaigns",),
    "/v1/audiences/{audience}/members": ("snapshots",),
    "/v1/audiences/{audience}/syncs": ("snapshots", "campaigns"),
    "/v1/audiences/{audience}/syncs/{snapshot}": ("snapshots", "campaigns"),
}


class Scopes:
    """Checks the senders of one process, and counts what each did and was refused."""

    def __init__(self, rates: SenderRates, uses: Uses) -> None:
        self._rates = rates
        self._uses = uses

    async def check_rate(self, sender: Sender) -> None:
        """One request more. Raises HTTPTooManyRequests with Retry-After, and Unavailable."""
        self._uses.count(sender.name)
        rate = sender.rate
        if rate is None:
            return
        if seconds := await self._rates.wait(sender.name, rate.amount, rate.seconds):
            self._uses.refused(sender.name, "rate")
            raise falcon.HTTPTooManyRequests(
                title="Too many requests",
                description=f"Sender {sender.name} may make {rate.per_second:,} requests a second, {rate.amount:,} at "
                "once. Nothing was accepted; repeat it after Retry-After, or raise its rate in connections.toml.",
                retry_after=math.ceil(seconds),
            )

    def check_route(self, sender: Sender, template: str) -> None:
        """Raise HTTPForbidden where the address at this template is closed to the sender. Those open to all pass."""
        routes = _ROUTES.get(template, ())
        if routes and not sender.may_use(*routes):
            raise self._lacks(sender, "route", f"the route {routes[0]}", "routes", sender.routes or ())

    def check_name(self, sender: Sender, connection: str) -> None:
        """Raise HTTPForbidden for a name that `connections` leaves out, whether there is such a connection or not."""
        if not sender.may_name(connection):
            raise self._lacks(
                sender, "connection", "the connection that was named", "connections", sender.connections or ()
            )

    def check_connection(self, sender: Sender, connection: Connection) -> None:
        """Raise HTTPForbidden where the sender may not send to a connection."""
        if not sender.may_reach(connection):
            option, have = "connections", sorted(sender.connections or ())
            if sender.connections is None:
                option, have = "mparticle_accounts", sorted(map(str, sender.mparticle_accounts or ()))
            raise self._lacks(sender, "connection", f"the connection {connection.name}", option, have)

    def check_account(self, sender: Sender, account_id: int | None) -> None:
        """Raise HTTPForbidden where the sender may not send for an mParticle account."""
        if not sender.may_send_for(account_id):
            lacking = (
                "messages without account.account_id" if account_id is None else f"the mParticle account {account_id}"
            )
            accounts = sorted(map(str, sender.mparticle_accounts or ()))
            raise self._lacks(sender, "account", lacking, "mparticle_accounts", accounts)

    def _lacks(
        self, sender: Sender, lack: Lack, lacking: str, option: str, have: Iterable[str]
    ) -> falcon.HTTPForbidden:
        self._uses.refused(sender.name, lack)
        return falcon.HTTPForbidden(
            title="This sender may not",
            description=f"Sender {sender.name} lacks {lacking}; it has {', '.join(sorted(have))}. Nothing was "
            f"accepted. Use the token of another sender, or add to {option} of [senders.{sender.name}] in "
            "connections.toml and restart web.",
        )
