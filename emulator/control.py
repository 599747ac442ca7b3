"""/_emulator: control of the emulator by tests and demos; without key and limits, and not in the journal."""

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
    """The control call cannot be carried out; the message is the response."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class LimitsOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The change to the limits: `scale` multiplies every quota; `off` counts calls but refuses none."""

    scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    off: bool = False


class JobsOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The change to the jobs: duration, how long they can be read (Klaviyo: 7 days), and whether to cancel imports."""

    seconds: Seconds | None = None
    lifetime_seconds: Seconds | None = None
    cancel: bool = False


class KeysOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The keys to accept from now on. `bearer`: as access tokens of OAuth too, `Authorization: Bearer ...`."""

    keys: list[Key] | None = None
    bearer: bool | None = None


class JournalOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The change to the journal. `record`: keep bodies of any size."""

    record: bool


class Control:
    """The control calls, one method each; every response is JSON."""

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
        """Change the duration of the jobs, including those in progress, or cancel the imports in progress."""
        order = order_of(req, JobsOrder)
        jobs = self._world.jobs
        if order.cancel:
            jobs.cancel(self._world.now())
        jobs.seconds = jobs.seconds if order.seconds is None else order.seconds
        jobs.lifetime = jobs.lifetime if order.lifetime_seconds is None else order.lifetime_seconds
        send(resp, {"ok": True})

    async def on_post_keys(self, req: Request, resp: Response) -> None:
        """Accept these keys only, and switch bearer tokens on or off."""
        order = order_of(req, KeysOrder)
        if order.keys is not None:
            self._world.keys.configure(order.keys)
        if order.bearer is not None:
            self._world.keys.bearer = order.bearer
        send(resp, {"ok": True})

    async def on_post_reset(self, req: Request, resp: Response) -> None:
        """Restore the initial state."""
        self._world.reset()
        send(resp, {"ok": True})

    async def on_get_requests(self, req: Request, resp: Response) -> None:
        """Return the journal: the calls after number `since`; `bodies=0` leaves bodies out."""
        since = req.get_param("since") or "0"
        if not since.isdecimal():
            raise ControlError(400, "since must be the number of a request, such as 0")
        send(resp, self._world.journal.since(int(since), bodies=req.get_param("bodies") != "0"))

    async def on_get_traps(self, req: Request, resp: Response) -> None:
        """Return every person who was unsubscribed from everything because a call named a list they were not on."""
        send(resp, list(self._world.journal.traps))

    async def on_post_requests(self, req: Request, resp: Response) -> None:
        """Turn the recording of large bodies on or off."""
        self._world.journal.record = order_of(req, JournalOrder).record
        send(resp, {"ok": True})


def order_of(req: Request, kind: type[S]) -> S:
    """Return the order in the body; raises `ControlError` 400."""
    try:
        return msgspec.json.decode(req.context.body, type=kind)
    except msgspec.DecodeError as error:
        raise ControlError(400, str(error)) from None


def send(resp: Response, answer: object) -> None:
    """Respond with JSON."""
    resp.content_type = "application/json"
    resp.data = msgspec.json.encode(answer)


async def send_control_error(req: Request, resp: Response, error: ControlError, params: dict[str, Any]) -> None:
    """Respond to a control call that cannot be carried out."""
    resp.status = error.status
    send(resp, {"error": str(error)})
