"""/_emulator: what tests and demos do to the emulator itself; no key, no limits, not in the journal."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from falcon.asgi import Request, Response

from emulator.auth import Key
from emulator.faults import Fault
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
    """What to change: how long jobs take, how long they can be read (Klaviyo: 7 days), and whether imports end now."""

    seconds: Seconds | None = None
    lifetime_seconds: Seconds | None = None
    cancel: bool = False


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
        self._world.faults.order(order_of(req, Fault))
        send(resp, {"ok": True})

    async def on_post_limits(self, req: Request, resp: Response) -> None:
        """Scale the rate limits or switch them off."""
        order = order_of(req, LimitsOrder)
        self._world.limits.scale, self._world.limits.off = order.scale, order.off
        send(resp, {"ok": True})

    async def on_post_jobs(self, req: Request, resp: Response) -> None:
        """Change the time of the jobs, those under way included, or cancel the imports among these."""
        order = order_of(req, JobsOrder)
        jobs = self._world.jobs
        if order.cancel:
            jobs.cancel(self._world.now())
        jobs.seconds = jobs.seconds if order.seconds is None else order.seconds
        jobs.lifetime = jobs.lifetime if order.lifetime_seconds is None else order.lifetime_seconds
        send(resp, {"ok": True})

    async def on_post_keys(self, req: Request, resp: Response) -> None:
        """Accept these keys only."""
        self._world.keys.configure(order_of(req, KeysOrder).keys)
        send(resp, {"ok": True})

    async def on_post_reset(self, req: Request, resp: Response) -> None:
        """Back to the start."""
        self._world.reset()
        send(resp, {"ok": True})

    async def on_get_requests(self, req: Request, resp: Response) -> None:
        """The journal: `since` a number, `bodies=0` without them."""
        since = req.get_param("since") or "0"
        if not since.isdecimal():
            raise ControlError(400, "since must be the number of a request, such as 0")
        send(resp, self._world.journal.since(int(since), bodies=req.get_param("bodies") != "0"))

    async def on_get_traps(self, req: Request, resp: Response) -> None:
        """Every person who was unsubscribed from everything because a call named a list they were not on."""
        send(resp, list(self._world.journal.traps))

    async def on_post_requests(self, req: Request, resp: Response) -> None:
        """Keep large bodies, or no longer."""
        self._world.journal.record = order_of(req, JournalOrder).record
        send(resp, {"ok": True})


def order_of(req: Request, kind: type[S]) -> S:
    """The order in the body; raises `ControlError` 400."""
    try:
        return msgspec.json.decode(req.context.body, type=kind)
    except msgspec.DecodeError as error:
        raise ControlError(400, str(error)) from None


def send(resp: Response, answer: object) -> None:
    """Answer JSON."""
    resp.content_type = "application/json"
    resp.data = msgspec.json.encode(answer)


async def send_control_error(req: Request, resp: Response, error: ControlError, params: dict[str, Any]) -> None:
    """Answer a control call that cannot be done."""
    resp.status = error.status
    send(resp, {"error": str(error)})
