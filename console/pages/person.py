"""`/person`: the history of one person, as `ferry explain` shows it, with links. For admins only.

The form is posted, so that no e-mail address appears in a URL, in a log line or in the browser's history.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

import click
import falcon
import falcon.asgi
from redis import Redis

from configuration.settings import Settings
from console import render
from console.auth.roles import visitor
from console.context import AppContext
from console.forms import form
from console.pages.letter_ref import LetterRef
from ops.explain import now as explain_now
from ops.explain import words
from ops.explain.everywhere import PersonPlaces, find_person
from ops.explain.gather import person_history
from ops.explain.history import History
from ops.explain.view import persons
from ops.retries import briefly
from ops.targets import find_queue
from queues import audit
from queues.census import meant, rows, take_some
from queues.counts import called
from queues.names import Queue
from queues.pending import all_queues

#: Seconds of a search through all queues.
_SEARCH_S: Final = 10.0
#: Most queues that the field suggests; it accepts any.
_OFFERED: Final = 200


class PersonPage:
    """A form, and the history of the person that it names."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the form; `?queue=` fills in the queue."""
        await self._show(req, resp, {"queue": req.get_param("queue") or ""})

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the history; 400 and the form if the person or the queue is missing or unknown."""
        given = await form(req)
        if given.get("person", "").strip() and not given.get("queue", "").strip():
            places = await self._context.run(_search, self._context, given["person"], visitor(req).who)
            await self._show(req, resp, given, places=places)
            return
        try:
            queue = await self._context.run(_queue, self._context.redis, given)
        except click.UsageError as fault:
            resp.status = falcon.HTTP_400
            await self._show(req, resp, given, wrong=fault.message)
            return
        found = await self._context.run(
            _look_up, self._context.redis, self._context.settings, queue, given["person"], visitor(req).who
        )
        await self._show(req, resp, given, found=found)

    async def _show(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        given: dict[str, str],
        wrong: str = "",
        found: PersonView | None = None,
        places: PersonPlaces | None = None,
    ) -> None:
        queues = await self._context.run(_offered, self._context.redis)
        shown = {"queue": given.get("queue", ""), "person": given.get("person", "")}
        render.page(req, resp, "person.html", queues=queues, wrong=wrong, found=found, places=places, **shown)


def _offered(redis: Redis) -> list[tuple[str, str]]:
    """Return queues to choose from, as id and name."""
    first = nsmallest(_OFFERED, rows(redis), key=lambda row: row.stored_queue)
    return [(row.queue, row.called) for row in first]


def _queue(redis: Redis, given: dict[str, str]) -> Queue:
    if not given.get("person", "").strip():
        raise click.UsageError("Enter the person's e-mail address, phone number or id.")
    name = given.get("queue", "").strip()
    return find_queue(name, meant(redis, name))


def _search(context: AppContext, given: str, who: str) -> PersonPlaces:
    """Return the queues that have a record of a person. Raises redis.RedisError."""
    found = find_person(context.redis, context.settings, all_queues(context.redis), given, _SEARCH_S)
    audit.note(context.redis, who, "story", "", queues=len(found.places))  # without the person
    return found


def _look_up(redis: Redis, known: Settings, queue: Queue, given: str, who: str) -> PersonView:
    """Return the history of a person. May ask Klaviyo, for seconds. Raises redis.RedisError."""
    census = take_some(redis, [queue])
    (count,) = census.queues
    found = person_history(redis, known, census, count, given, briefly)
    audit.note(redis, who, "story", queue)  # without the person
    return view(found)


@dataclass(frozen=True, slots=True)
class PersonView:
    """A history. `events`: ms, number of the change, words. `now`: what is in progress or kept. `letters`: id and path.

    `ledger`, `klaviyo`: empty unless the queue is of an audience. `sent`: number of a change, and the person in it.
    """

    who: str
    name: str
    queue: str
    events: list[tuple[int, int, str]]
    now: list[str]
    letters: list[tuple[str, str]]
    ledger: str
    klaviyo: str
    sent: list[tuple[int, str]]


def view(history: History) -> PersonView:
    """Return what to show."""
    of_audience = bool(history.klaviyo)
    found = [timeline.letter for timeline in history.timelines if timeline.letter]
    return PersonView(
        who=f"{history.query.given} ({history.query.short})",
        name=called(history.count),
        queue=str(history.count.queue),
        events=words.events(history),
        now=list(explain_now.lines(history)),
        letters=[(letter.id, f"/dead/{LetterRef.of(letter)}") for letter in found],
        ledger=explain_now.ledger(history.member) if of_audience else "",
        klaviyo=explain_now.klaviyo(history.klaviyo) if of_audience else "",
        sent=persons(history),
    )
