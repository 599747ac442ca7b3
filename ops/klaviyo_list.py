"""An audience's list in Klaviyo, for commands that only read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from redis import Redis
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from configuration.settings import Settings
from klaviyo.client import Klaviyo
from ops.errors import Failed
from ops.output import console
from ops.retries import Retrying, with_retries
from queues.connections.accounts import Cipher
from queues.names import Queue
from worker.connection import Destination, destination, limiter_of
from worker.errors import Held
from worker.lists import remembered
from worker.snapshots.baseline import identities
from worker.snapshots.roster import Roster


def going_to(redis: Redis, known: Settings, queue: Queue, facts: Mapping[str, Any] | None = None) -> Destination:
    """Return the destination of an audience. `facts`: replace the CDP's facts about the audience. Raises Failed."""
    try:
        return destination(redis, known.connections, Cipher(known.secret_keys), queue, facts)
    except Held as held:
        raise Failed(f"{queue} cannot be delivered: {held}") from held


@contextmanager
def opened(redis: Redis, known: Settings, to: Destination) -> Iterator[Klaviyo]:
    """Open a client that shares its rate limits with the workers."""
    limiter = limiter_of(redis, to.api_key)
    with closing(Klaviyo(known.klaviyo_base_url, to.api_key, limiter)) as klaviyo:
        yield klaviyo


def list_id(
    redis: Redis, klaviyo: Klaviyo, queue: Queue, to: Destination, retrying: Retrying = with_retries
) -> str | None:
    """Return the list that the next delivery would use (worker/lists.py), without creating one. Raises Failed."""
    named = to.list_id or remembered(redis, queue, to) or to.named_by_cdp
    return named or retrying(lambda: klaviyo.find_list(to.name))


def roster(klaviyo: Klaviyo, list_id: str | None) -> Roster:
    """Return everybody on the list, with a progress bar; nobody if there is no list yet. Raises Failed."""
    return Roster(map(identities, _people(klaviyo, list_id)) if list_id else ())


def _people(klaviyo: Klaviyo, list_id: str) -> Iterator[dict[str, str | None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True)) as progress:
        task = progress.add_task("on the list", total=None)
        listing = klaviyo.list_profiles(list_id)
        while (person := with_retries(lambda: next(listing, None))) is not None:
            yield person
            progress.advance(task)
