"""`/preview`: paste a message, and see what each person in it would become. Nothing is stored or sent.

For admins only, because a message contains people. It is posted, so that it is in no address and no log line.
"""

from __future__ import annotations

import json
from typing import Any, Final

import falcon
import falcon.asgi

from configuration.connections import DEFAULT, UnknownConnection
from configuration.settings import Settings
from console import render
from console.context import AppContext
from console.forms import form
from intake.http.faults import TooMuch
from ops.errors import Failed
from ops.preview import READERS, preview
from queues.clock import now_ms

#: The names of the parts of a queue's preview that list people and so on (ops/preview.py).
_LISTS: Final = ("people", "events", "consents", "erasures", "snapshots", "dead_on_arrival")


class PreviewPage:
    """A form for a message, and what it would become."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the form."""
        _show(req, resp, self._context, {})

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show what the message would become; 400 and the form if it would be refused."""
        given = await form(req)
        try:
            found = await self._context.run(_preview, self._context.settings, given)
        except Failed as fault:
            resp.status = falcon.HTTP_400
            _show(req, resp, self._context, given, wrong=str(fault))
            return
        _show(req, resp, self._context, given, found=found)


def _preview(known: Settings, given: dict[str, str]) -> dict[str, Any]:
    """Return the preview. Raises Failed with the answer that a sender would get."""
    source = given.get("source", "")
    if source not in READERS:
        raise Failed(f"choose the format of the message: {', '.join(READERS)}")
    connection = given.get("connection", "").strip() or DEFAULT
    try:
        return preview(source, given.get("message", "").encode(), known.connections, now_ms(), connection)
    except falcon.HTTPError as fault:
        raise Failed(f"The answer would be {fault.status_code}: {fault.description}") from fault
    except TooMuch as fault:
        raise Failed(f"The answer would be 413: {fault}") from fault
    except (UnknownConnection, ValueError) as fault:
        raise Failed(str(fault)) from fault


def _show(
    req: falcon.asgi.Request,
    resp: falcon.asgi.Response,
    context: AppContext,
    given: dict[str, str],
    found: dict[str, Any] | None = None,
    wrong: str = "",
) -> None:
    render.page(
        req,
        resp,
        "preview.html",
        sources=sorted(READERS),
        source=given.get("source", "changes"),
        connections=sorted(each.name for each in context.settings.connections),
        connection=given.get("connection", ""),
        message=given.get("message", ""),
        wrong=wrong,
        queues=[_queue(each) for each in found["queues"]] if found else [],
        rest=_pretty({name: value for name, value in found.items() if name != "queues"}) if found else "",
        is_empty=bool(found) and not any(found.values()) if found else False,
    )


def _queue(shown: dict[str, Any]) -> dict[str, Any]:
    """Return a queue with its entries: the action, the reason and the rest as JSON for each."""
    entries = [(name, _entry(entry)) for name in _LISTS for entry in shown.get(name, ())]
    rest = {name: value for name, value in shown.items() if name not in (*_LISTS, "queue", "audience", "held")}
    return {
        "queue": shown["queue"],
        "audience": shown.get("audience") or "",
        "held": shown.get("held"),
        "rest": _pretty(rest) if any(rest.values()) else "",
        "entries": entries,
    }


def _entry(entry: dict[str, Any]) -> dict[str, str]:
    rest = {name: value for name, value in entry.items() if name not in ("action", "changes", "reason")}
    action = str(entry.get("action", "dead_letter")).replace("_", " ")
    changes = ", ".join(f"#{index}" for index in entry.get("changes", ()))
    return {"action": action, "changes": changes, "reason": str(entry.get("reason", "")), "rest": _pretty(rest)}


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) if value else ""
