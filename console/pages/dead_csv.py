"""`/dead.csv`: the dead letters that match a filter, as a file without personal data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import falcon.asgi
from redis import Redis

from console.context import AppContext
from console.pages.dead_view import LetterLine, lines
from console.pages.letter_counts import count_letters
from console.pages.letter_filter import LetterFilter, filter_of
from ops.export.columns import line
from text.wording import moment

#: Most letters in one file; the filter selects others.
_MOST: Final = 10_000
_HEADS: Final = ("letter", "queue", "audience", "died_at", "reason", "action", "attempts", "where")


class DeadCsv:
    """The file of the dead letters, newest first."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer with the file. Everybody who sees the page may have it: no person is in it."""
        resp.text = await self._context.run(_file, self._context.redis, filter_of(req.get_param))
        resp.content_type = "text/csv;charset=utf-8"
        resp.downloadable_as = "dead-letters.csv"


def _file(redis: Redis, wanted: LetterFilter) -> str:
    census = wanted.read(redis)
    found = count_letters(redis, wanted.queues(census), wanted, wanted.until(census.at) + 1, _MOST)
    return sheet(lines(census, found.page))


def sheet(letters: Iterable[LetterLine]) -> str:
    """Return the letters as CSV. No cell is a formula for a spreadsheet, because names come from outside. Pure."""
    rows = (
        (each.id, each.queue, each.name, moment(each.at), each.reason, each.action, each.tries, each.where)
        for each in letters
    )
    return b"".join(line(cells, safe=True) for cells in (_HEADS, *rows)).decode()
