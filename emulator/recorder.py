"""The outermost layer: reads the body, carries out due jobs, plays the faults and keeps the journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from falcon.asgi import Request, Response

from emulator.control import PREFIX
from emulator.faults import HTML, Fault
from emulator.jsonapi import send_error
from emulator.line import Line, line_of
from emulator.world import World

DRIPS = 20
#: Klaviyo's answers with these statuses have no RateLimit headers.
WITHOUT_LIMITS = ("401", "429")


class Recorder:
    """Falcon middleware; calls to the control paths get no faults and are not recorded."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def process_request(self, req: Request, resp: Response) -> None:
        """Read the call, and respond here if an ordered fault replaces the response."""
        req.context.at = time.monotonic()
        req.context.body = await req.stream.read()
        req.context.fault = None
        self._world.catch_up()
        if req.path.startswith(PREFIX):
            return
        fault = self._world.faults.take(req.method, req.path, req.context.body)
        if fault is not None:
            req.context.fault = fault
            _answer(fault, resp)

    async def process_response(self, req: Request, resp: Response, resource: object, req_succeeded: bool) -> None:
        """Record the call before the response is sent, so that the client finds it in the journal afterwards."""
        if req.path.startswith(PREFIX):
            return
        fault: Fault | None = req.context.fault
        self._world.journal.add(
            req.method,
            req.path,
            req.params,
            req.context.body,
            status=None if fault and fault.fault == "reset" else resp.status_code,
            at=req.context.at,
            fault=fault.fault if fault else None,
        )
        if fault is not None:
            await _spoil(fault, req, resp)


def _answer(fault: Fault, resp: Response) -> None:
    """Play faults that replace the whole call; `complete` keeps falcon from processing it.

    `gate.py` plays the other refusals, whose answers have the RateLimit headers.
    """
    refusal = fault.refusal() if fault.fault in WITHOUT_LIMITS else None
    if refusal is not None:
        send_error(resp, refusal)
    elif fault.fault in HTML:
        resp.status, resp.text, headers = HTML[fault.fault]
        resp.content_type = "text/html; charset=UTF-8"
        resp.set_headers(headers)
    resp.complete = refusal is not None or fault.fault in (*HTML, "reset")


async def _spoil(fault: Fault, req: Request, resp: Response) -> None:
    """Play faults that affect the response."""
    if fault.fault in ("reset", "lost_response"):
        await line_of(req).cut(reset=fault.fault == "reset")
    elif fault.fault == "stall":
        await asyncio.sleep(fault.seconds)
    elif fault.fault == "slow_body" and resp.data:
        resp.content_length = len(resp.data)
        resp.stream, resp.data = _drip(resp.data, fault.seconds, line_of(req)), None


async def _drip(data: bytes, seconds: float, line: Line) -> AsyncIterator[bytes]:
    """Yield the body in 20 pieces over that time, or until the client disconnects."""
    step = -(-len(data) // DRIPS)
    for start in range(0, len(data), step):
        if line.closed.is_set():
            return
        await asyncio.sleep(seconds / DRIPS)
        yield data[start : start + step]
