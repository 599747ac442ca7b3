"""Dead letters as people and programs read them. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from mappings.fields import STANDARD
from ops.dead_letters.reasons import meaning
from ops.output import table
from queues import looks
from queues.counts import named
from queues.dead_letters import DeadLetter
from queues.history import settled
from queues.names import Queue
from queues.snapshots.orders import order_of
from text.escaping import visible
from text.wording import day, moment, ms_of, number, plural, span

#: What may be shown of a letter's detail to everybody: places and ids. Klaviyo's sentences may quote the person.
_HARMLESS = ("pointer", "field", "job", "error_id", "crashes")
_FIELDS = "|".join(sorted(STANDARD | {"email", "phone_number", "external_id"}))
#: A pointer of Klaviyo's: places of its API and numbers of rows, and then what may be anything.
_POINTER = re.compile(
    r"\A((?:/(?:data(?:/[0-9]{1,4})?|attributes|profiles?|properties|relationships|lists?|location|events|"
    r"events-bulk-create|metric|subscriptions|"
    rf"{_FIELDS})(?=/|\Z))*+).+",
    re.DOTALL,
)
#: Letters listed for people; more is for programs.
LISTED = 50


def summary(letter: DeadLetter, name: str) -> dict[str, Any]:
    """A letter without anything of the person."""
    return {
        "id": letter.id,
        "queue": str(letter.queue),
        "audience": name or None,
        "reason": letter.reason,
        "where": {key: _shown(key, value) for key, value in letter.detail.items() if key in _HARMLESS and value},
        "died_at": moment(letter.at),
        "accepted_at": moment(letter.change.accepted_at),
        "first_tried_at": moment(letter.first),
        "attempts": letter.attempts,
        "action": letter.change.body.action,
        "changed_at": moment(letter.change.body.at),
        "source": letter.change.body.source,
        **_snapshot(letter),
        **_erasure(letter),
    }


def _erasure(letter: DeadLetter) -> dict[str, Any]:
    """What somebody has to say whose it is, and by when. Ids of Klaviyo's are nobody's data without a key."""
    if letter.reason != looks.REASON:
        return {}
    profiles = [{"id": name, "found_by": by} for name, by in looks.profiles(letter).items()]
    return {"erasure": {"profiles": profiles, "answer_due": day(looks.due_by(letter.change))}}


def _snapshot(letter: DeadLetter) -> dict[str, Any]:
    """Which snapshot it was; an order holds nothing of any person."""
    body = letter.change.body
    if body.action != "replace":
        return {}
    try:
        return {"snapshot": msgspec.to_builtins(order_of(bytes(body.person)))}
    except msgspec.DecodeError:
        return {}


def _shown(key: str, value: Any) -> Any:
    return _POINTER.sub(r"\1/...", value) if key == "pointer" else value


def traceable(letter: DeadLetter, name: str) -> dict[str, Any]:
    """A letter and the sender's id of the message it came in, by a hash where it may be somebody's address."""
    return {**summary(letter, name), "message": settled.named(letter.change.body.message)}


def whole(letter: DeadLetter, name: str) -> dict[str, Any]:
    """A letter with the person as the CDP sent them, and all that was said of the fault."""
    return {
        **traceable(letter, name),
        "message": letter.change.body.message,
        "detail": letter.detail,
        "person": msgspec.json.decode(letter.change.body.person),
    }


def listing(found: Sequence[Mapping[str, Any]], now: int) -> RenderableType:
    """The newest letters, how many there are for each reason, and what to do; `found`: summaries."""
    if not found:
        return Text("No dead letters.")
    made = table("Id", "Queue", "Reason")
    newest = sorted(found, key=itemgetter("died_at"))[-LISTED:]
    for letter in newest:
        queue, attempts = letter["queue"], letter["attempts"]
        tries = f"after {plural(attempts, 'failed try', 'failed tries')}" if attempts else ""
        made.add_row(
            _two(letter["id"], f"{span(now - ms_of(letter['died_at']))} ago"),
            _two(named(Queue.parse(queue), letter["audience"]), queue),
            _two(visible(letter["reason"]), tries),
        )
    reasons = Counter(letter["reason"] for letter in found).most_common()
    told = ", ".join(f"{number(times)} {visible(reason)}" for reason, times in reasons)
    shown = f"; the {LISTED} newest are shown, --json prints all" if len(found) > LISTED else ""
    what_to_do = [Text(f"{visible(reason) or 'no code'}: {visible(meaning(reason))}") for reason, _ in reasons]
    return Group(made, Text(f"\n{plural(len(found), 'dead letter')}: {told}{shown}.\n"), *what_to_do)


def _two(first: str, second: str) -> Text:
    return Text.assemble(first, "\n", (second, "dim"))
