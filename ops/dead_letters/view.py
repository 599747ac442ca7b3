"""Dead letters for people and programs. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace
from rich.console import Group, RenderableType
from rich.text import Text

from mappings.fields import STANDARD
from ops.dead_letters.reasons import meaning
from ops.documents.fields import Count, QueueName, Time
from ops.unbroken import StackedTable
from queues import undecided_erasures
from queues.counts import named
from queues.dead_letters import DeadLetter
from queues.history import settled
from queues.names import Queue
from queues.snapshots.orders import SnapshotOrder, order_of
from text.escaping import visible
from text.wording import day, duration, moment, ms_of, number, plural

#: The parts of a letter's detail that everybody may see: places and ids. Klaviyo's sentences may quote the person.
_HARMLESS = ("pointer", "field", "job", "error_id", "crashes")
_FIELDS = "|".join(sorted(STANDARD | {"email", "phone_number", "external_id"}))
#: A pointer from Klaviyo: places of its API and numbers of rows, then a rest that may contain anything.
_POINTER = re.compile(
    r"\A((?:/(?:data(?:/[0-9]{1,4})?|attributes|profiles?|properties|relationships|lists?|location|events|"
    r"events-bulk-create|metric|subscriptions|"
    rf"{_FIELDS})(?=/|\Z))*+).+",
    re.DOTALL,
)
#: The most letters in a table, unless a limit is given.
LISTED = 50


class ProfileFound(Struct, frozen=True):
    """A profile in Klaviyo that somebody has to confirm as the person's."""

    id: str
    found_by: str


class ErasureLook(Struct, frozen=True):
    """The profiles of an erasure that needs confirmation. Klaviyo's ids reveal nothing about a person without a key."""

    profiles: list[ProfileFound]
    answer_due: str


class LetterDocument(Struct, frozen=True):
    """A dead letter: the change, its times, and why it could not be delivered."""

    id: str
    queue: QueueName
    audience: Annotated[str | None, Meta(description="The name of the audience.")]
    reason: str
    where: Annotated[dict[str, Any], Meta(description="Places and ids: pointer, field, job, error_id, crashes.")]
    died_at: Time
    accepted_at: Time
    first_tried_at: Time
    attempts: Count
    action: str
    changed_at: Annotated[Time, Meta(description="By the sender's clock.")]
    source: str
    snapshot: Annotated[SnapshotOrder | UnsetType, Meta(description="For a snapshot: its order.")] = UNSET
    erasure: Annotated[
        ErasureLook | UnsetType,
        Meta(description="For an erasure that needs confirmation: the profiles to confirm."),
    ] = UNSET
    message: Annotated[
        str | UnsetType, Meta(description="The sender's id of the message; in a list with personal_data only.")
    ] = UNSET
    detail: Annotated[dict[str, Any] | UnsetType, Meta(description="All details of the fault; with personal_data.")] = (
        UNSET
    )
    person: Annotated[Any, Meta(description="The person as the CDP sent them; with personal_data.")] = UNSET


def summary(letter: DeadLetter, name: str) -> LetterDocument:
    """Return a letter without personal data."""
    return LetterDocument(
        id=letter.id,
        queue=str(letter.queue),
        audience=name or None,
        reason=letter.reason,
        where={key: _shown(key, value) for key, value in letter.detail.items() if key in _HARMLESS and value},
        died_at=moment(letter.at),
        accepted_at=moment(letter.change.accepted_at),
        first_tried_at=moment(letter.first),
        attempts=letter.attempts,
        action=letter.change.body.action,
        changed_at=moment(letter.change.body.at),
        source=letter.change.body.source,
        snapshot=_snapshot(letter),
        erasure=_erasure(letter),
    )


def _erasure(letter: DeadLetter) -> ErasureLook | UnsetType:
    """Return the profiles that need confirmation, and the due date."""
    if letter.reason != undecided_erasures.REASON:
        return UNSET
    profiles = [ProfileFound(name, by) for name, by in undecided_erasures.profiles(letter).items()]
    return ErasureLook(profiles, day(undecided_erasures.due_by(letter.change)))


def _snapshot(letter: DeadLetter) -> SnapshotOrder | UnsetType:
    """Return the order of the snapshot, which contains no personal data."""
    body = letter.change.body
    if body.action != "replace":
        return UNSET
    try:
        return order_of(bytes(body.person))
    except msgspec.DecodeError:
        return UNSET


def _shown(key: str, value: Any) -> Any:
    return _POINTER.sub(r"\1/...", value) if key == "pointer" else value


def traceable(letter: DeadLetter, name: str) -> LetterDocument:
    """Return a letter with the sender's id of its message, hashed if it may be a person's address."""
    return replace(summary(letter, name), message=settled.named(letter.change.body.message))


def whole(letter: DeadLetter, name: str) -> LetterDocument:
    """Return a letter with the person as the CDP sent them, and all details of the fault."""
    return replace(
        summary(letter, name),
        message=letter.change.body.message,
        detail=letter.detail,
        person=msgspec.json.decode(letter.change.body.person),
    )


def newest(found: Sequence[LetterDocument], most: int) -> list[LetterDocument]:
    """Return at most so many of the letters, the newest, oldest first."""
    return sorted(found, key=attrgetter("died_at"))[-most:]


def listing(found: Sequence[LetterDocument], now: int, most: int = LISTED) -> RenderableType:
    """Return the newest letters, the number for each reason, and the remedies; `found`: summaries."""
    if not found:
        return Text("No dead letters.")
    made = StackedTable("Queue", "Reason", "Rejected")
    for letter in newest(found, most):
        tries = f"after {plural(letter.attempts, 'failed attempt')}" if letter.attempts else ""
        name = named(Queue.parse(letter.queue), letter.audience)
        died = f"{duration(now - ms_of(letter.died_at))} ago"
        made.add_row([name, visible(letter.reason), died], f"{letter.id}  {letter.queue}", tries)
    reasons = Counter(letter.reason for letter in found).most_common()
    counts = ", ".join(f"{number(times)} {visible(reason)}" for reason, times in reasons)
    more = len(found) - most
    shown = f" The {number(most)} newest are shown, {number(more)} more with --limit or --json." if more > 0 else ""
    what_to_do = [Text(f"{visible(reason) or 'no code'}: {visible(meaning(reason))}") for reason, _ in reasons]
    return Group(made, Text(f"\n{plural(len(found), 'dead letter')}: {counts}.{shown}\n"), *what_to_do)
