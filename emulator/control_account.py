"""/_emulator: reads the account's people and events, and plays the actions of its owner and its customers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from falcon.asgi import Request, Response

from emulator import subscribing
from emulator.clashes import Clash
from emulator.consents import Reason
from emulator.control import ControlError, Seconds, order_of, send
from emulator.documents import subscriptions
from emulator.events import Event
from emulator.lists import OptIn
from emulator.profiles import Profile
from emulator.times import stamp
from emulator.world import World

#: The identifiers that name a person, the most useful one for tests first; not in the order of Klaviyo's ranks.
_NAMES = ("email", "phone_number", "external_id", "_kx", "anonymous_id")


class AccountOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The change to the account: the regions with a sending number for SMS, such as US, the account's default opt-in
    process, and whether it is one of Klaviyo's test accounts."""

    sms_regions: frozenset[str] | None = None
    opt_in_process: OptIn | None = None
    test_account: bool | None = None


class IdentityOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The change to identity resolution: how to treat a row that names two profiles, the delay between the end of an
    import and the joining of its lists, and whether merged profiles keep several addresses."""

    clash: Clash | None = None
    membership_delay_seconds: Seconds | None = None
    multi_email: bool | None = None


class SuppressOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The reason to suppress a person's e-mail, such as a bounce."""

    reason: Reason


class AccountControl:
    """The control calls, one method each; every response is JSON."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def on_post_account(self, req: Request, resp: Response) -> None:
        """Change settings of the account."""
        order = order_of(req, AccountOrder)
        if order.sms_regions is not None:
            self._world.sms_regions = order.sms_regions
        if order.opt_in_process is not None:
            self._world.lists.default_opt_in = order.opt_in_process
        if order.test_account is not None:
            self._world.test_account = order.test_account
        send(resp, {"ok": True})

    async def on_post_identity(self, req: Request, resp: Response) -> None:
        """Change how the account resolves identities; a delay also applies to imports that are already complete."""
        order = order_of(req, IdentityOrder)
        world = self._world
        world.identity.clash = order.clash or world.identity.clash
        if order.multi_email is not None:
            world.identity.multi_email = order.multi_email
        if order.membership_delay_seconds is not None:
            world.jobs.membership_delay = order.membership_delay_seconds
        send(resp, {"ok": True})

    async def on_get_members(self, req: Request, resp: Response, rest: str) -> None:
        """Return the members of the lists of that name: their identifiers, or whole people with `full=1`.

        The path ends in `lists/<name>/members`.
        """
        lists = self._world.lists.named(rest.removesuffix("/members"))
        if not lists:
            raise ControlError(404, "no list has this name")
        people = [self._world.profiles.by_id[member] for item in lists for member in item.members]
        full = req.get_param("full") == "1"
        members = [self.described(person) if full else _best_identifier(person) for person in people]
        send(resp, {"lists": [item.id for item in lists], "count": len(members), "members": members})

    async def on_get_profile(self, req: Request, resp: Response, identifier: str) -> None:
        """Return one person by e-mail address, phone number, external id, anonymous id or id."""
        send(resp, self.described(self._find(identifier)))

    async def on_post_confirm(self, req: Request, resp: Response, identifier: str) -> None:
        """Confirm every pending subscription of the person."""
        person = self._find(identifier)
        send(resp, {"confirmed": subscribing.confirm(person, self._world.lists, self._world.now())})

    async def on_post_suppress(self, req: Request, resp: Response, identifier: str) -> None:
        """Suppress the person's e-mail for the given reason."""
        person = self._find(identifier)
        person.consent().suppressions.setdefault(order_of(req, SuppressOrder).reason, self._world.now())
        send(resp, {"ok": True})

    async def on_get_events(self, req: Request, resp: Response) -> None:
        """Return the unique ids of all events, or of one `metric`, in order; whole events with `full=1`."""
        found = self._world.events.of_metric(req.get_param("metric"))
        full = req.get_param("full") == "1"
        events = [self._event(event) if full else event.unique_id for event in found]
        send(resp, {"count": len(events), "events": events})

    def _find(self, identifier: str) -> Profile:
        found = (self._world.profiles.find(field, identifier) for field in (*_NAMES, "id"))
        person = next((person for person in found if person is not None), None)
        if person is None:
            raise ControlError(404, "no profile has this identifier")
        return person

    def described(self, person: Profile) -> dict[str, Any]:
        """Return everything stored about a person, flat, and the names of their lists.

        `subscriptions`: as in the API; `pending`: the list of each subscription to be confirmed, None for no list.
        """
        wishes = person.consents.pending if person.consents else []
        return {
            **person.attributes,
            "id": person.id,
            "secondary_emails": list(person.secondary_emails),
            "location": person.location,
            "properties": person.properties,
            "lists": [item.name for item in self._world.lists.of_profile(person.id)],
            "subscriptions": subscriptions(person),
            "pending": [wish.list_id for wish in wishes],
        }

    def _event(self, event: Event) -> dict[str, Any]:
        """Return an event with its time as text and its person by the best identifier."""
        person = self._world.profiles.by_id[event.profile_id]
        return {**msgspec.structs.asdict(event), "time": stamp(event.time), "profile": _best_identifier(person)}


def _best_identifier(person: Profile) -> str:
    known: Iterator[str | None] = (person.attributes.get(field) for field in _NAMES)
    return next((value for value in known if value), person.id)
