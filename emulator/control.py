"""/_emulator: what tests and demos do to the emulator itself; no key, no limits, not in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

import msgspec
import orjson
from falcon.asgi import Request, Response

from emulator.auth import Key
from emulator.faults import Fault
from emulator.profiles import IDENTIFIERS, Profile
from emulator.world import World

PREFIX = "/_emulator"
S = TypeVar("S", bound=msgspec.Struct)
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class ControlError(Exception):
    """The control call cannot be done; the message is the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class LimitsOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`scale` multiplies every quota; `off` counts without ever refusing."""

    scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    off: bool = False


class JobsOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What to change: how long jobs take, and how long they can be read (Klaviyo: 7 days)."""

    seconds: Seconds | None = None
    lifetime_seconds: Seconds | None = None


class KeysOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The keys to accept from now on."""

    keys: list[Key]


class JournalOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`record`: keep bodies of any size."""

    record: bool


class Control:
    """The control calls, one method each; every one answers JSON."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def on_post_faults(self, req: Request, resp: Response) -> None:
        """Order a fault."""
        self._world.faults.order(_order(req, Fault))
        _send(resp, {"ok": True})

    async def on_post_limits(self, req: Request, resp: Response) -> None:
        """Scale the rate limits or switch them off."""
        order = _order(req, LimitsOrder)
        self._world.limits.scale, self._world.limits.off = order.scale, order.off
        _send(resp, {"ok": True})

    async def on_post_jobs(self, req: Request, resp: Response) -> None:
        """Change the time of the jobs, those under way included."""
        order = _order(req, JobsOrder)
        jobs = self._world.jobs
        jobs.seconds = jobs.seconds if order.seconds is None else order.seconds
        jobs.lifetime = jobs.lifetime if order.lifetime_seconds is None else order.lifetime_seconds
        _send(resp, {"ok": True})

    async def on_post_keys(self, req: Request, resp: Response) -> None:
        """Accept these keys only."""
        self._world.keys.configure(_order(req, KeysOrder).keys)
        _send(resp, {"ok": True})

    async def on_post_reset(self, req: Request, resp: Response) -> None:
        """Back to the start."""
        self._world.reset()
        _send(resp, {"ok": True})

    async def on_get_requests(self, req: Request, resp: Response) -> None:
        """The journal: `since` a number, `bodies=0` without them."""
        since = req.get_param("since") or "0"
        if not since.isdecimal():
            raise ControlError(400, "since must be the number of a request, such as 0")
        _send(resp, self._world.journal.since(int(since), bodies=req.get_param("bodies") != "0"))

    async def on_post_requests(self, req: Request, resp: Response) -> None:
        """Keep large bodies, or no longer."""
        self._world.journal.record = _order(req, JournalOrder).record
        _send(resp, {"ok": True})

    async def on_get_members(self, req: Request, resp: Response, rest: str) -> None:
        """`lists/<name>/members`: identifiers of who is on the lists of that name, or whole people with `full=1`."""
        lists = self._world.lists.named(rest.removesuffix("/members"))
        if not lists:
            raise ControlError(404, "no list has this name")
        people = [self._world.profiles.by_id[member] for item in lists for member in item.members]
        full = req.get_param("full") == "1"
        members = [self._person(person) if full else _best_identifier(person) for person in people]
        _send(resp, {"lists": [item.id for item in lists], "count": len(members), "members": members})

    async def on_get_profile(self, req: Request, resp: Response, identifier: str) -> None:
        """One person by e-mail address, phone number, external id or id."""
        found = (self._world.profiles.find(field, identifier) for field in (*IDENTIFIERS, "id"))
        person = next((person for person in found if person is not None), None)
        if person is None:
            raise ControlError(404, "no profile has this identifier")
        _send(resp, self._person(person))

    def _person(self, person: Profile) -> dict[str, Any]:
        """Everything stored about a person, flat, and the names of the lists."""
        names = [item.name for item in self._world.lists.of_profile(person.id)]
        parts = {"id": person.id, "location": person.location, "properties": person.properties, "lists": names}
        return {**person.attributes, **parts}


def _best_identifier(person: Profile) -> str:
    known: Iterator[str | None] = (person.attributes.get(field) for field in IDENTIFIERS)
    return next((value for value in known if value), person.id)


def _order(req: Request, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(req.context.body, type=kind)
    except msgspec.DecodeError as error:
        raise ControlError(400, str(error)) from None


def _send(resp: Response, answer: object) -> None:
    resp.content_type = "application/json"
    resp.data = orjson.dumps(answer)


async def send_control_error(req: Request, resp: Response, error: ControlError, params: dict[str, Any]) -> None:
    """Answer a control call that cannot be done."""
    resp.status = error.status
    _send(resp, {"error": str(error)})
