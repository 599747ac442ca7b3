"""How far the delivery of a batch has come, as it is written down in the ledger between two rings."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

Stage = Literal["upload", "confirm", "prove", "clear", "remove", "check"]
#: Reasons for which a batch is given up: Klaviyo may have carried out what is not known to be delivered.
_GIVEN_UP: Final = frozenset({"gave_up", "crashed_worker"})


class Job(msgspec.Struct):
    """One import job of the batch. `rows`: for each row, the index in the batch of the person's last change. `listed`:
    they are put on the audience's list.
    """

    id: str
    rows: list[int]
    done: bool = False
    listed: bool = True


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


class SnapshotProgress(msgspec.Struct):
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


class BatchFacts(msgspec.Struct):
    """What was known of the people of a batch when it was first looked at; their coalescing goes by it from then on.

    `late`: membership changes that came after a newer one. `spared`: people for whom a removal by an id came after a
    newer one, and not for others who have the id. `elsewhere`: for identifiers (kind, value) of changes
    without an e-mail, the names of people of earlier batches who have them; `former`: those of which they have another
    one since. `owned`: for e-mails, the ids by which they are known that have one e-mail at a time. `strangers`:
    removals whose e-mail was never delivered. `shared`: identifiers that too many people share.
    """

    late: set[int] = set()
    spared: dict[int, list[tuple[str, str]]] = {}
    elsewhere: list[tuple[tuple[str, str], list[tuple[str, str]]]] = []
    former: set[tuple[str, str]] = set()
    owned: list[tuple[str, list[tuple[str, str]]]] = []
    strangers: set[int] = set()
    shared: set[tuple[str, str]] = set()


class Proof(msgspec.Struct):
    """Looking for people after Klaviyo did what it was asked. `tries`: looks so far. `missing`: who was not found in
    the last one, None before the first. `found`: who was found so far. `again`: who was asked for a second time.
    `names`: where the membership ledger is kept, by what else it may know the profiles that were put on the list, or
    taken off it, for a person.

    Of leavers: `missing` were not on the list, of those in `again` it is noted whether they were, `found` are done.
    """

    tries: int = 0
    missing: set[int] | None = None
    found: set[int] = set()
    again: set[int] = set()
    names: dict[int, list[str]] = {}


class ErasureSubject(msgspec.Struct):
    """What is known of somebody who asked to be forgotten; to be erased next, so that it is written down before.

    `emails`: of the person. `ids`: kind, value and person key of each other identifier, an empty key where none is
    known. `keys`: person keys under which more may be stored. `profiles`: Klaviyo's ids of remembered profiles.
    `decided`: it is known whose e-mail goes with the identifiers, or that it is several people's. `known`, `people`:
    hashes (identities.py) of the person, and of all who could be meant, where these are several.
    """

    emails: set[str] = set()
    ids: set[tuple[str, str, str]] = set()
    keys: set[str] = set()
    profiles: set[str] = set()
    decided: bool = False
    known: set[str] = set()
    people: set[str] = set()


class Targets(msgspec.Struct, frozen=True):
    """`delete`: ids of the profiles that an erasure deletes. `look`: those that it leaves, and how each was found."""

    delete: tuple[str, ...] = ()
    look: dict[str, str] = {}


class Progress(msgspec.Struct):
    """`rejected` and `warnings` (codes of what was left out of a profile) are by the index of the person's last change;
    so is `clear`, the standard fields still to be emptied.

    `sent`: the intents that need nothing more, whatever becomes of the others. `overtaken`: those of which nothing is
    sent, because another of the batch says otherwise. `under_way`: Klaviyo may have taken something that it has not
    carried out yet, and that must not be sent again or built upon before.

    `facts`: see `BatchFacts`. `grouping`: a digest of who the persons are, so that numbers of persons are never read by
    another coalescing. `left_out`: identifiers that are not sent with a person. `asked`: people of whom Klaviyo was
    asked who has theirs, since `asked_at` (ms), and who are not uploaded yet. `profiles`: Klaviyo's ids of people who
    are sent under it. `list_id`: the list that people were uploaded to. `joined`, `gone`: proofs that who joined is on
    the list, and who left is off it. `unproved`: people who were imported and not looked for.

    `acting`: under what events go that name no e-mail (worker/events/profile.py).

    `sending`: Klaviyo may have taken an import of which no job is known.

    `subjects`, `targets`: of erasures. `forgotten`: the ledger holds nothing of their people any more.

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
    facts: BatchFacts | None = None
    grouping: int = 0
    asked: set[int] = set()
    asked_at: int = 0
    left_out: dict[int, tuple[str, ...]] = {}
    profiles: dict[int, str] = {}
    list_id: str = ""
    joined: Proof = msgspec.field(default_factory=Proof)
    gone: Proof = msgspec.field(default_factory=Proof)
    unproved: set[int] = set()
    sending: bool = False
    subjects: dict[int, ErasureSubject] = {}
    targets: dict[int, Targets] = {}
    forgotten: bool = False
    acting: dict[int, tuple[str, str]] = {}
    course: SnapshotProgress | None = None
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
