"""The calls that Klaviyo accepts at once and carries out later; data only, so that an account can be copied."""

from __future__ import annotations

from typing import Any

import msgspec

Row = dict[str, Any]


class Work(msgspec.Struct, kw_only=True):
    """One accepted call; `created` and `completed` (when it was carried out) are epoch seconds."""

    created: float
    completed: float | None = None


class ImportFailure(msgspec.Struct, frozen=True):
    """One row that was accepted but not imported."""

    id: str
    code: str
    detail: str
    row: Row


class ImportJob(Work, kw_only=True):
    """A bulk import. Its rows are dropped when it is complete or cancelled; the failures are kept.

    `imported`: the ids of the profiles that its rows wrote, each once, in the order of the rows.
    """

    id: str
    total: int
    list_ids: tuple[str, ...]
    rows: list[Row]
    failures: list[ImportFailure] = []
    imported: list[str] = []
    cancelled: bool = False


class Joining(Work, kw_only=True):
    """Adding the people of a complete import to its lists."""

    job: ImportJob


class SuppressionJob(Work, kw_only=True):
    """Suppressing (`lift`: unsuppressing) these addresses, or all members of the list; its end sets the counts."""

    id: str
    lift: bool
    emails: list[str]
    list_id: str | None
    total: int = 0
    skipped: int = 0

    @property
    def status(self) -> str:
        """The status as Klaviyo names it."""
        return "processing" if self.completed is None else "complete"


class Subscription(Work, kw_only=True):
    """Subscribing checked rows. `source`: the source for the consent records."""

    rows: list[Row]
    list_id: str | None
    historical: bool
    source: str | None


class Unsubscription(Work, kw_only=True):
    """Unsubscribing checked rows, from the list if there is one."""

    rows: list[Row]
    list_id: str | None


class Tracking(Work, kw_only=True):
    """Recording checked events: pairs of a profile object and the attributes of an event."""

    events: list[tuple[Row, Row]]


class Erasure(Work, kw_only=True):
    """Permanently deleting one person."""

    profile_id: str


Task = ImportJob | Joining | SuppressionJob | Subscription | Unsubscription | Tracking | Erasure
Readable = ImportJob | SuppressionJob
