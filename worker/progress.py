"""The progress of a batch's delivery, as the ledger keeps it between two rings."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from identity.holding import Before

Stage = Literal["upload", "confirm", "prove", "clear", "remove", "check"]
#: Reasons for which a batch is given up; Klaviyo may nevertheless have carried out some of it.
_GIVEN_UP: Final = frozenset({"gave_up", "crashed_worker"})


class Job(msgspec.Struct):
    """One import job of the batch.

    `rows`: for each row, the index in the batch of the person's last change. `listed`: whether the job puts its people
    on the audience's list.
    """

    id: str
    rows: list[int]
    done: bool = False
    listed: bool = True


class Rejection(msgspec.Struct, frozen=True):
    """The reason why a person of the batch cannot be delivered. `detail` goes to the dead letter only."""

    reason: str
    detail: dict[str, Any] = {}

    @property
    def uncertain(self) -> bool:
        """Whether Klaviyo may have carried out the person's changes although they are dead letters."""
        return self.reason in _GIVEN_UP


#: watch, drain: earlier changes are settled first. base, rewrite: the membership ledger is made equal to the list.
#: plan: the snapshot is compared with the ledger. apply: the changes are queued. finish: all of them are queued.
Step = Literal["watch", "drain", "base", "rewrite", "plan", "apply", "finish"]


class SnapshotProgress(msgspec.Struct):
    """The progress of a snapshot.

    `starts`: how many workers began to read the snapshot since one last read all of it. `since`: ms at which the watch
    of its audience began. `before`: batches of the audience that must be settled first, None while earlier changes are
    still pending. `list_id`: the list to read at Klaviyo. `cursor`: where to continue reading it. `portions`: the
    number of portions stored so far. `bucket`: the first bucket whose changes are not queued yet. `queued`: changes
    queued; `newer`: changes left out because of a newer single change. `undecided`: members stay until it is known with
    which profiles people have joined. `removed`: removals of the first comparison, None until the second one begins.
    """

    step: Step = "watch"
    starts: int = 0
    since: int = 0
    before: list[str] | None = None
    list_id: str = ""
    cursor: str = ""
    portions: int = 0
    bucket: int = 0
    queued: int = 0
    newer: int = 0
    undecided: bool = False
    removed: int | None = None


class BatchFacts(msgspec.Struct):
    """Facts about the people of a batch, read once at its first delivery; coalescing uses these from then on.

    `late`: membership changes that arrived after a newer one. `spared`: by change, the people for whom a removal by an
    id is late while it is not for others who have the id. `elsewhere`: for identifiers (kind, value) of changes without
    an e-mail, the names of people of earlier batches who have them. `earlier`: for an identifier of one change, the
    people who had it at the time of the change and handed it on since. `former`: identifiers that those people have
    replaced by another one since. `delivered`: e-mails of earlier batches, of people who have such an identifier now,
    with the times of their current values by kind; `members`: those who have not left. `is_list`: the batch is about a
    list.
    `owned`: for e-mails, their known ids that have one e-mail at a time. `strangers`: removals whose e-mail was
    never delivered; `meant`: for each of them, the one person who has its ids, if any. `shared`: identifiers that too
    many people share. `misaddressed`: removals whose e-mail another of the CDP's ids keeps, or comes to stay after
    them, so that only their ids count. `addressed`: by change, the e-mail of a person named by an id alone
    (worker/people/emails.py).
    """

    late: set[int] = set()
    spared: dict[int, list[tuple[str, str]]] = {}
    elsewhere: list[tuple[tuple[str, str], list[tuple[str, str]]]] = []
    earlier: list[tuple[int, tuple[str, str], list[tuple[str, str]]]] = []
    former: set[tuple[str, str]] = set()
    delivered: dict[str, dict[str, int]] = {}
    members: set[str] = set()
    is_list: bool = False
    owned: list[tuple[str, list[tuple[str, str]]]] = []
    strangers: set[int] = set()
    meant: dict[int, list[tuple[str, str]]] = {}
    shared: set[tuple[str, str]] = set()
    misaddressed: set[int] = set()
    addressed: dict[int, str] = {}

    def before(self) -> Before:
        """Return the facts that coalescing needs."""
        earlier = {(index, named): names for index, named, names in self.earlier}
        elsewhere, owned = dict(self.elsewhere), dict(self.owned)
        return Before(elsewhere, earlier, self.former, owned, self.delivered, self.is_list, self.members)


class Proof(msgspec.Struct):
    """The check of the list after Klaviyo carried out its requests.

    `tries`: checks so far. `missing`: people not found in the last check, None before the first. `found`: people found
    so far. `again`: people who were sent a second time. `names`: by person, other identities under which the membership
    ledger may know the profiles that were added to the list or removed from it; empty when the audience has no ledger.

    For leavers: `missing` were not on the list, `again` have been checked for that, `found` are done.
    """

    tries: int = 0
    missing: set[int] | None = None
    found: set[int] = set()
    again: set[int] = set()
    names: dict[int, list[str]] = {}


class ErasureSubject(msgspec.Struct):
    """Everything known of a person to be forgotten, written down before it is erased elsewhere.

    `emails`: the person's e-mails. `ids`: kind, value and person key of each other identifier; the key is empty when
    unknown. `keys`: person keys under which more may be stored. `profiles`: Klaviyo's ids of remembered profiles.
    `decided`: whether the search for the e-mail that belongs to the identifiers is finished. `known`: hashes
    (identities.py) of the person. `people`: hashes of all candidates when there are several.
    """

    emails: set[str] = set()
    ids: set[tuple[str, str, str]] = set()
    keys: set[str] = set()
    profiles: set[str] = set()
    decided: bool = False
    known: set[str] = set()
    people: set[str] = set()


class Targets(msgspec.Struct, frozen=True):
    """Profiles of an erasure. `delete`: ids to delete. `look`: ids for a person to check, with how each was found."""

    delete: tuple[str, ...] = ()
    look: dict[str, str] = {}


class Progress(msgspec.Struct):
    """The progress of a batch. Persons and intents are numbered by the index of their last change in the batch.

    By person: `rejected`, `warnings` (codes of parts left out of a profile) and `clear` (standard fields still to be
    emptied).

    `sent`: intents that need nothing more. `overtaken`: intents that are not sent, because another change of the batch
    supersedes them. `under_way`: Klaviyo may have accepted something that it has not carried out yet; until then it
    must not be sent again, and nothing may depend on it.

    `facts`: see `BatchFacts`. `grouping`: a digest of how the changes were coalesced, so that numbers of persons are
    never used with another coalescing. `left_out`: identifiers that are not sent with a person. `asked`: people whose
    identifiers were looked up at Klaviyo since `asked_at` (ms), and who are not uploaded yet. `profiles`: Klaviyo's ids
    of people who are sent under such an id. `list_id`: the list that people were uploaded to. `joined`, `gone`: proofs
    that those who joined are on the list, and that those who left are off it. `unproved`: people who were imported
    without a check of the list.

    `acting`: the identifier or profile id for events without an e-mail (worker/events/profile.py).

    `sending`: Klaviyo may have accepted an import whose job is not known.

    `subjects`, `targets`: for erasures. `forgotten`: the ledger holds nothing more of their people.

    `course`: for a snapshot.

    `faults` counts retries in a row, `polls` counts checks of unfinished import jobs: both make the next wait longer.
    `trouble`: the cause of the last of these retries, shown by the census (census.py).
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
        """Return the intents whose outcome is known."""
        return self.sent | self.overtaken | self.rejected.keys()

    def uploaded(self) -> set[int]:
        """Return the persons who are already in an import job."""
        return {row for job in self.jobs for row in job.rows}


#: Made once, before the worker forks: finding out the types of all fields takes longer than to decode.
_decoder: Final = msgspec.json.Decoder(Progress)


def load(stored: bytes) -> Progress:
    """Return the stored progress of a batch; a new one when nothing is stored yet."""
    return _decoder.decode(stored) if stored else Progress()


def dump(progress: Progress) -> bytes:
    """Return the stored form of the progress."""
    return msgspec.json.encode(progress)
