"""How far the delivery of a batch has come, as it is written down in the ledger between two rings."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

Stage = Literal["upload", "confirm", "clear", "remove"]
#: Reasons for which a batch is given up: Klaviyo may have carried out what is not known to be delivered.
_GIVEN_UP: Final = frozenset({"gave_up", "crashed_worker"})


class Job(msgspec.Struct):
    """One import job of the batch. `rows`: for each row, the index in the batch of the person's last change."""

    id: str
    rows: list[int]
    done: bool = False


class Rejection(msgspec.Struct, frozen=True):
    """Why a person of the batch cannot be delivered. `detail` goes to the dead letter only."""

    reason: str
    detail: dict[str, Any] = {}

    @property
    def uncertain(self) -> bool:
        """Whether Klaviyo may have carried out what this person is a dead letter for."""
        return self.reason in _GIVEN_UP


#: watch, drain: what was accepted before comes first. base, rewrite: the membership ledger is made what the list is.
#: plan: the snapshot is compared with it. apply: the changes are queued. finish: that is done.
Step = Literal["watch", "drain", "base", "rewrite", "plan", "apply", "finish"]


class Course(msgspec.Struct):
    """How far a snapshot is carried out.

    `starts`: how often a worker began to read the snapshot since one last got through it. `since`: ms at which its
    audience began to be watched. `before`: batches of the audience that must be settled first, None until all that
    waited is in one. `list_id`: what is read of Klaviyo, `cursor`: where to go on with it,
    `portions`: in how many it is kept so far. `bucket`: the first one whose changes are not queued yet.
    """

    step: Step = "watch"
    starts: int = 0
    since: int = 0
    before: list[str] | None = None
    list_id: str = ""
    cursor: str = ""
    portions: int = 0
    bucket: int = 0


class Progress(msgspec.Struct):
    """`rejected` and `warnings` (codes of what was left out of a profile) are by the index of the person's last change;
    so is `clear`, the standard fields still to be emptied.

    `sent`: the intents that need nothing more, whatever becomes of the others. `overtaken`: those of which nothing is
    sent, because another of the batch says otherwise. `under_way`: Klaviyo may have taken something that it has not
    carried out yet, and that must not be sent again or built upon before.

    `persons`: every key that leads to the person of an erasure.

    `course`: of a snapshot.

    `faults` counts retries in a row, `polls` looks at unfinished import jobs: both make the next wait longer.
    `trouble`: why the last of these retries was needed, for whoever looks (census.py).
    """

    stage: Stage = "upload"
    jobs: list[Job] = []
    rejected: dict[int, Rejection] = {}
    warnings: dict[int, tuple[str, ...]] = {}
    clear: dict[int, tuple[str, ...]] = {}
    sent: set[int] = set()
    overtaken: set[int] = set()
    under_way: bool = False
    persons: dict[int, list[str]] = {}
    course: Course | None = None
    faults: int = 0
    polls: int = 0
    trouble: str = ""

    def ended(self) -> set[int]:
        """The intents of which is known how they end."""
        return self.sent | self.overtaken | self.rejected.keys()

    def uploaded(self) -> set[int]:
        """The persons that are in some import job already."""
        return {row for job in self.jobs for row in job.rows}


def load(stored: bytes) -> Progress:
    """The progress of a batch; a fresh one where nothing is written yet."""
    return msgspec.json.decode(stored, type=Progress) if stored else Progress()


def dump(progress: Progress) -> bytes:
    """The form the ledger keeps."""
    return msgspec.json.encode(progress)
