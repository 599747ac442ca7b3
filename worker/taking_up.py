"""Taking up a batch: from here on every line says which one, and the first says which messages it is made of."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import islice
from typing import Final

import log_ids
from queues.batches import Batch

log = logging.getLogger(__name__)

#: Messages that a line names.
_NAMED: Final = 10


def take_up(batch: Batch) -> None:
    """Within `log_ids.bound`. The first worker that holds a batch tells of it; later ones only go on with it."""
    log_ids.bind(queue=str(batch.queue))
    if batch.token > 1:
        return
    distinct = list(dict.fromkeys(change.body.message for change in batch.changes if change.body.message))
    named = nameable(distinct)
    log.info(
        "batch %s: taken up; %d changes of %d messages%s",
        batch.id,
        len(batch.changes),
        len(distinct),
        f", among them {', '.join(named)}" if named else "",
        extra={"fields": {"stage": "taken_up", "changes": len(batch.changes), "messages": named}},
    )


def nameable(messages: Iterable[str]) -> list[str]:
    """Of ids of messages the first that may stand in a log: senders choose them, and may choose an address. Pure."""
    return list(islice((message for message in messages if log_ids.is_opaque(message)), _NAMED))
