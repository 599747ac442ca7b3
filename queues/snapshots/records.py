"""The records of snapshots: the order to carry one out, and its progress."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta
from redis import Redis

from queues import keys
from queues.names import Queue

#: ms for which a submitted snapshot is kept after its launch if no worker runs.
SUBMITTED_MS: Final = 7 * 86_400_000
#: Records kept per audience, and for how many ms after the end.
RECORDS: Final = 100
RECORD_MS: Final = 30 * 86_400_000

#: ledger: no body; the list is compared with the membership ledger (`reconcile = "daily"`). A version that does not
#: know it makes a dead letter of the order, and must not take it for an empty snapshot.
Format = Literal["csv", "ndjson", "json", "mparticle_csv", "ledger"]
#: queued: for a worker, its turn, the launch, or earlier changes. reading: its body, and the list if Klaviyo is asked.
#: comparing: with the list; its changes are queued then. held: the guard asks a person. delivering: its changes are in
#: the audience's queue. delivered: each of them is settled and proved, and none is a dead letter. imported: each is
#: settled, but for some Klaviyo's list was not checked (setting `prove`). failed: it cannot be read, or
#: changes of it are dead letters; `error` says why. superseded: by a newer one.
State = Literal["queued", "reading", "comparing", "held", "delivering", "delivered", "imported", "failed", "superseded"]


class SnapshotOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """The order of a snapshot; defaults are left out."""

    snapshot: str
    at: Annotated[int, Meta(description="Time of this membership, in ms since 1970.")]
    format: Format
    gzip: bool = False
    charset: Annotated[str, Meta(description="Encoding that the sender announced.")] = ""
    rows: Annotated[int | None, Meta(description="Number of rows that the sender announced.")] = None
    attributes: Annotated[
        tuple[str, ...] | None, Meta(description="Attributes to send; those of the connection when left out.")
    ] = None
    confirmed: Annotated[bool, Meta(description="Carried out without a check, however many people leave the list.")] = (
        False
    )
    reconcile: Annotated[bool, Meta(description="The list's members are read from Klaviyo first.")] = False
    repair: Annotated[bool, Meta(description="Of a comparison: the list is made equal to the ledger.")] = False
    max_shrink_percent: Annotated[
        int | None, Meta(description="It is held if more people of it cannot be sent; no limit when left out.")
    ] = None
    not_before: Annotated[int, Meta(description="Launch time, in ms since 1970.")] = 0
    name: Annotated[str, Meta(description="Name of the audience.")] = ""
    list_name: Annotated[str, Meta(description="Name of the list, if it is not the audience's.")] = ""
    campaign: str = ""
    group: str = ""
    run: Annotated[str, Meta(description="The run of a query whose result it is.")] = ""
    definition: Annotated[
        dict[str, str], Meta(description="Of a query: its SQL, source and columns, as hashes and names.")
    ] = {}
    left_out: Annotated[
        dict[str, dict[str, int]], Meta(description="By column and reason, values left out before it was sent.")
    ] = {}

    @property
    def compares(self) -> bool:
        """Whether the list is compared with the membership ledger, so that there is no body."""
        return self.format == "ledger"


class Counts(msgspec.Struct):
    """The result of a snapshot, in numbers of people except `rows` and `duplicates`, which are rows of the body."""

    rows: int = 0
    customers: Annotated[int, Meta(description="Distinguished by external id if the sender gives one.")] = 0
    people: Annotated[int, Meta(description="People to be on the list, by their identities.")] = 0
    duplicates: Annotated[int, Meta(description="Rows of a person who has a later row.")] = 0
    expansion: Annotated[int, Meta(description="People beyond one per customer.")] = 0
    shrink: Annotated[dict[str, int], Meta(description="People who cannot be sent, by reason.")] = {}
    held: Annotated[int, Meta(description="Members of the list before.")] = 0
    adds: int = 0
    updates: int = 0
    removals: int = 0
    unchanged: Annotated[int, Meta(description="Already on the list, as in the snapshot.")] = 0
    kept: Annotated[
        int,
        Meta(description="Members who stay although no row names them: they may be people of the snapshot."),
    ] = 0
    leaving: Annotated[
        int,
        Meta(description="Of the kept: who leaves, too, if a person confirms it, now that others have joined."),
    ] = 0
    newer: Annotated[int, Meta(description="Left unchanged, because a single change is newer.")] = 0

    @property
    def rejected(self) -> int:
        """People who cannot be sent, for any reason."""
        return sum(self.shrink.values())


class ColumnUse(msgspec.Struct, frozen=True):
    """What a column of a snapshot becomes in Klaviyo."""

    column: Annotated[str, Meta(description="Its name in the file.")]
    becomes: Annotated[str, Meta(description="An identifier, a field of Klaviyo's, or `property NAME`.")]
    not_sent: Annotated[str, Meta(description="Why it is not sent; empty if it is.")] = ""


class Outcomes(msgspec.Struct, frozen=True):
    """What became of the changes of a snapshot.

    `changes = delivered + imported + superseded + dead + pending`. `changes` is `adds + updates + removals` of the
    counts without people about whom a newer change arrived meanwhile.
    """

    changes: Annotated[int, Meta(description="Changes that were queued.")] = 0
    delivered: Annotated[int, Meta(description="Klaviyo has carried them out, and the list was checked.")] = 0
    imported: Annotated[int, Meta(description="Klaviyo has imported them; the list was not checked.")] = 0
    superseded: Annotated[int, Meta(description="A later change of the person, or an erasure, took their place.")] = 0
    dead: Annotated[int, Meta(description="Dead letters.")] = 0
    pending: Annotated[int, Meta(description="Not settled yet.")] = 0
    not_found: Annotated[int, Meta(description="Of the delivered: people to remove who were not on the list.")] = 0
    reasons: Annotated[dict[str, int], Meta(description="Dead letters by reason, also those replayed since.")] = {}
    settled: Annotated[int | None, Meta(description="Time of the last outcome, in ms since 1970.")] = None


class Record(msgspec.Struct):
    """The state and result of a snapshot."""

    queue: Annotated[str, Meta(description="Name of the queue, for operators' commands.")]
    order: SnapshotOrder
    since: Annotated[int, Meta(description="Time of acceptance, in ms since 1970.")]
    bytes: Annotated[int, Meta(description="Size of the body as received.")]
    state: Annotated[
        State,
        Meta(
            description="queued: for its turn or its launch. held: it would remove very many people from the list, "
            "and a person must confirm it. delivering: its changes are queued. delivered: Klaviyo has carried all of "
            "them out, and the list was checked. imported: carried out, but the list was not checked for all. failed: "
            "`error` says why. superseded: by a newer one."
        ),
    ] = "queued"
    counts: Counts | None = None
    examples: Annotated[
        dict[str, list[int]],
        Meta(description="By reason, the numbers of the first rows that cannot be sent, from 1."),
    ] = {}
    encoding: Annotated[
        str,
        Meta(description="Encoding of the body; `recognised` if neither the sender nor a mark in the file says so."),
    ] = ""
    columns: Annotated[list[ColumnUse], Meta(description="What each column became, and which were not sent.")] = []
    left_out: Annotated[
        dict[str, dict[str, int]],
        Meta(description="By field and reason, the number of rows that were sent without the field."),
    ] = {}
    drift: Annotated[
        dict[str, int],
        Meta(description="Differences between Klaviyo's list and Ferry's record of it, if Klaviyo was asked."),
    ] = {}
    error: str = ""
    confirmed: Annotated[bool, Meta(description="A person has confirmed it, or its sender has.")] = False
    ended: Annotated[
        int | None, Meta(description="Time at which all its changes were queued, or it ended, in ms since 1970.")
    ] = None
    outcomes: Annotated[Outcomes, Meta(description="What became of its changes so far.")] = Outcomes()

    @property
    def is_unsettled(self) -> bool:
        """Whether it has not ended, or a change of it is not settled."""
        return self.ended is None or self.outcomes.pending > 0


#: The states that an earlier version wrote. A record stays for 30 days, and that version counted no outcomes.
_EARLIER: Final = {
    "waiting": "queued",
    "planning": "reading",
    "applying": "comparing",
    "done": "delivered",
    "refused": "failed",
}
_decode = msgspec.json.Decoder(Record).decode
_encode = msgspec.json.Encoder().encode


def decode(stored: bytes) -> Record:
    """Return the record in its stored form, without the outcomes of its changes (outcomes.py).

    Raises msgspec.ValidationError for a record of a newer version.
    """
    try:
        return _decode(stored)
    except msgspec.ValidationError:
        fields = msgspec.json.decode(stored, type=dict[str, Any])
        return msgspec.convert({**fields, "state": _EARLIER.get(fields["state"], fields["state"])}, Record)


def opened(pipe: Any, queue: Queue, record: Record) -> None:
    """Add to a pipeline the commands that store a snapshot's record and keep its body until a worker takes it.

    Execute them before its change is accepted. A repetition does not change an existing record.
    """
    snapshot_id = record.order.snapshot
    stays = SUBMITTED_MS + max(0, record.order.not_before - record.since)
    pipe.pexpire(keys.snapshot(snapshot_id, "body"), stays)
    pipe.set(keys.snapshot(snapshot_id), _encode(record), px=stays, nx=True)
    pipe.zadd(keys.queue(queue, "syncs"), {snapshot_id: record.since})
    pipe.zremrangebyrank(keys.queue(queue, "syncs"), 0, -RECORDS - 1)


def withdrawn(pipe: Any, queue: Queue, snapshot_id: str) -> None:
    """Add to a pipeline the commands that delete a snapshot that was not accepted for lack of room."""
    pipe.delete(keys.snapshot(snapshot_id))
    pipe.delete(keys.snapshot(snapshot_id, "body"))
    pipe.zrem(keys.queue(queue, "syncs"), snapshot_id)


def keep(redis: Redis, snapshot_id: str) -> None:
    """Keep the body until `close`, however long that takes, because a worker has taken the snapshot."""
    redis.persist(keys.snapshot(snapshot_id, "body"))
    redis.persist(keys.snapshot(snapshot_id))


def note(redis: Redis, record: Record) -> None:
    """Store the record unless the snapshot has ended: a delayed worker must not overwrite the result."""
    stored = cast("bytes | None", redis.get(keys.snapshot(record.order.snapshot)))
    if stored and decode(stored).ended is None:
        redis.set(keys.snapshot(record.order.snapshot), _encode(record), keepttl=True)


def close(redis: Redis, record: Record) -> None:
    """End a snapshot: delete its body and keep its record for a while."""
    snapshot_id = record.order.snapshot
    with redis.pipeline(transaction=True) as pipe:
        pipe.set(keys.snapshot(snapshot_id), _encode(record), px=RECORD_MS)
        pipe.delete(keys.snapshot(snapshot_id, "body"))
        pipe.execute()
