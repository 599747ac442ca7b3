"""The kept figures of all queues for programs, by connection and kind. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

from msgspec import Meta, Struct, structs

from ops.documents.fields import Count, MaybeTime, ms_or_none
from queues.counts import QueueCount
from queues.figures import Figures, Totals
from text.wording import moment

#: The figures whose names are not those of `queues.figures.Figures`.
_OTHERWISE: Final = {
    "dead_kept": "kept",
    "queues_held": "held",
    "queues_with_dead_letters": "keeping",
    "queues_pending": "filled",
    "queues_delivering": "delivering",
    "queues_unsettled": "unsettled",
    "batches_failing": "failing",
}


class TotalsDocument(Struct, frozen=True, kw_only=True):
    """The sums of all queues of a connection and a kind."""

    connection: str
    kind: str
    queues: Count
    queues_held: Annotated[Count, Meta(description="Those with a hold of their own.")]
    queues_pending: Annotated[Count, Meta(description="Those with pending changes.")]
    queues_delivering: Annotated[Count, Meta(description="Those with a batch in progress.")]
    queues_unsettled: Annotated[Count, Meta(description="Those with pending changes or a batch in progress.")]
    queues_with_dead_letters: Count
    accepted: Count
    pending: Count
    open: Count
    delivered: Count
    imported: Count
    superseded: Count
    dead: Count
    dead_kept: Count
    evicted: Count
    missing: Annotated[Count, Meta(description="The sum of what is missing in each, or too many.")]
    batches: Annotated[Count, Meta(description="Batches in progress.")]
    batches_failing: Annotated[Count, Meta(description="Those whose last attempt failed.")]
    oldest_at: MaybeTime
    fields_left_out: dict[str, Count]


_FIGURES: Final = tuple(
    (name, _OTHERWISE.get(name, name))
    for name in TotalsDocument.__struct_fields__
    if name not in ("connection", "kind", "oldest_at", "fields_left_out")
)


def documents(totals: Totals) -> list[TotalsDocument]:
    """Return a document for each connection and kind."""
    return [
        TotalsDocument(
            connection=connection,
            kind=kind,
            oldest_at=moment(found.oldest),
            fields_left_out=dict(found.left_out),
            **{name: getattr(found, figure) for name, figure in _FIGURES},
        )
        for (connection, kind), found in sorted(totals.groups.items())
    ]


def read(found: Iterable[TotalsDocument], queues: Iterable[QueueCount]) -> Totals:
    """Return the totals. `queues`: with the one that has the oldest pending change. Raises ValueError for a time."""
    groups = {(each.connection, each.kind): _figures(each) for each in found}
    return Totals.of(groups, {each.queue: each.waiting.oldest for each in queues if each.waiting.oldest is not None})


def _figures(found: TotalsDocument) -> Figures:
    given = structs.asdict(found)
    figures = {figure: given[name] for name, figure in _FIGURES}
    return Figures(**figures, oldest=ms_or_none(found.oldest_at), left_out=found.fields_left_out)
