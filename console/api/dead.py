"""`/v1/dead`: dead letters, for programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
import falcon
import falcon.asgi
from redis import Redis

from console.api import requests, shared
from console.auth.middleware import check_role
from console.auth.roles import Role, visitor
from console.context import AppContext
from console.target import queue_place
from ops import actions
from ops.dead_letters import selecting
from ops.dead_letters.selecting import After, LetterQuery
from ops.dead_letters.view import LetterDocument, summary, traceable, whole
from ops.documents.answers import LettersAnswer, ReplayAnswer
from ops.errors import Failed
from queues import audit
from queues.dead_letters import Replayed

T = TypeVar("T")


class LettersApi:
    """The dead letters."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer with a page of the selected letters, in the order of their queues, oldest first in each."""
        asked = shared.query(req, requests.LETTERS)
        reader = _reader(req, asked["personal_data"])
        wanted = await _wanted(self._context, asked, [asked["id"]] if "id" in asked else [], asked["since"])
        letters, more = await self._context.run(
            _page, self._context.redis, wanted, asked.get("after"), asked["limit"], reader
        )
        shared.answer(resp, LettersAnswer(letters, f"{more[0]}/{more[1]}" if more else None))


class LetterApi:
    """One dead letter."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        connection: str,
        kind: str,
        target: str,
        letter: str,
    ) -> None:
        """Answer with the change, its times and why it failed; with the person if an admin asks for it."""
        reader = _reader(req, shared.query(req, requests.LETTER)["personal_data"])
        wanted = await _letter(self._context, f"{connection}/{kind}/{target}", letter)
        shared.answer(resp, await self._context.run(_one, self._context.redis, wanted, reader))


class ConfirmApi:
    """Confirms that the profiles found by an erasure belong to the person."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        connection: str,
        kind: str,
        target: str,
        letter: str,
    ) -> None:
        """Confirm the profiles, and carry out the erasure."""
        await shared.body(req, requests.NOTHING)
        wanted = await _letter(self._context, f"{connection}/{kind}/{target}", letter)
        done = await self._context.run(_confirm, self._context.redis, visitor(req).who, wanted)
        self._context.changed()
        shared.answer(resp, ReplayAnswer(done.replayed, done.stayed))


class ReplayApi:
    """Replays dead letters."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Put the selected letters back into their queues."""
        asked = await shared.body(req, requests.REPLAY)
        wanted = await _wanted(self._context, asked, asked["ids"])
        done = await self._context.run(_replay, self._context.redis, visitor(req).who, wanted)
        self._context.changed()
        shared.answer(resp, ReplayAnswer(done.replayed, done.stayed))


async def _wanted(context: AppContext, asked: dict[str, Any], ids: list[str], since: int = 0) -> LetterQuery:
    """Return the selection of letters. Raises HTTPNotFound for an unknown queue."""
    queue = await _existing(context, asked["queue"]) if "queue" in asked else None
    return LetterQuery(tuple(ids), queue, asked.get("reason"), asked["older_than"], since)


async def _letter(context: AppContext, queue: str, letter: str) -> LetterQuery:
    """Return the selection of one letter. Raises HTTPNotFound for an unknown queue."""
    return LetterQuery((letter,), await _existing(context, queue))


async def _existing(context: AppContext, queue: str) -> str:
    return str(queue_place(await context.census_of(queue), queue).on)


def _reader(req: falcon.asgi.Request, personal_data: bool) -> str | None:
    """Return the user who asks for personal data, as in the audit log; None if not asked for. Raises HTTPForbidden."""
    if not personal_data:
        return None
    check_role(req, Role.ADMIN)
    return visitor(req).who


def _page(
    redis: Redis, wanted: LetterQuery, after: After | None, limit: int, reader: str | None
) -> tuple[list[LetterDocument], After | None]:
    found, more = _found(lambda: selecting.page(redis, wanted, after, limit))
    if reader and found:
        _note(redis, reader, wanted, len(found))
    shown = whole if reader else summary
    return [shown(letter, count.name) for count, letter in found], more


def _one(redis: Redis, wanted: LetterQuery, reader: str | None) -> LetterDocument:
    ((count, letter),) = _found(lambda: list(selecting.find(redis, wanted)))
    if reader:
        _note(redis, reader, wanted, 1)
    return (whole if reader else traceable)(letter, count.name)


def _note(redis: Redis, reader: str, wanted: LetterQuery, read: int) -> None:
    """Note in the audit log that a user saw personal data, without the persons."""
    audit.note(redis, reader, "persons read", wanted.queue or "", letters=read)


def _replay(redis: Redis, who: str, wanted: LetterQuery) -> Replayed:
    return actions.replay(redis, who, _found(lambda: selecting.selected_letters(redis, wanted)))


def _confirm(redis: Redis, who: str, wanted: LetterQuery) -> Replayed:
    ((_, letter),) = _found(lambda: list(selecting.find(redis, wanted)))
    try:
        return actions.confirm(redis, who, letter)
    except Failed as fault:
        raise falcon.HTTPConflict(title="Nothing to confirm", description=f"{fault.message}.") from None


def _found(search: Callable[[], T]) -> T:
    """Return the letters found. Raises HTTPNotFound for a letter that is gone, HTTPBadRequest for a wrong selection."""
    try:
        return search()
    except Failed as fault:
        raise falcon.HTTPNotFound(title="No such dead letter", description=fault.message) from None
    except click.UsageError as fault:
        raise falcon.HTTPBadRequest(
            title="The selection of dead letters is not valid", description=fault.message
        ) from None
