"""Figure: Segment messages mapped a second on a core, from the decoded message to the data for Klaviyo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench.errors import BenchError
from bench.mapping import E164, check, in_turns, phones, ratio
from bench.messages import number
from bench.report import Figure, Row, Verdict
from bench.segment_messages import PRODUCTS, identify, order, track
from bench.sizes import Sizes
from mappings.event import to_event
from mappings.profile import to_profile
from mappings.rules import Rules
from mappings.segment.changes import route
from mappings.segment.settings import DEFAULTS
from mappings.sources import read

_RULES = Rules()
#: Label -> the message, and the number of profiles or events that it becomes.
MESSAGES: dict[str, tuple[Callable[[str, str], dict[str, Any]], int]] = {
    "`identify`": (identify, 1),
    "`track`": (track, 1),
    f"`Order Completed` with {PRODUCTS} products": (order, 1 + PRODUCTS),
}
_HOW = f"""\
From a decoded message to the data for Klaviyo: the default actions turn the message into fragments, which are written
as JSON as in a queue, read again, and mapped to a Klaviyo profile or events. Every message has an e-mail, a phone as
E.164 and the context that a website's library sends; an order becomes {1 + PRODUCTS} events, each mapped with its
person. Compared with `phonenumbers` alone on the same numbers, with its pattern cache on, once for each profile or
event: parse, is_valid_number and format_number. CPU time of one core; all numbers are different, from four countries.
The profiles and events are counted and must be complete."""

_encode = msgspec.json.Encoder().encode


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure each message in turns with `phonenumbers` alone. Raises BenchError."""
    rows = [_row(what, message, becomes, sizes) for what, (message, becomes) in MESSAGES.items()]
    return Figure("Mapping of Segment's messages", _HOW, rows)


def _row(what: str, message: Callable[[str, str], dict[str, Any]], becomes: int, sizes: Sizes) -> Row:
    numbers = phones(E164, sizes.people)
    messages = [message(number(i), phone) for i, (_, phone) in enumerate(numbers)]
    ours, theirs = in_turns(lambda: map_all(messages, becomes), lambda: check(numbers), sizes.rounds)
    mapped, phone = (median(rounds) / sizes.people for rounds in (ours, theirs))
    return Row(
        f"Mapping a message of Segment, {what}",
        f"{mapped * 1e6:.0f} us, {1 / mapped:,.0f} a second on a core",
        f"{phone * becomes * 1e6:.0f} us `phonenumbers` alone",
        Verdict(f"{ratio(ours, theirs) / becomes:.2f}x"),
    )


def map_all(messages: Sequence[dict[str, Any]], becomes: int) -> None:
    """Map each message. Raises BenchError when they do not become so many profiles and events each."""
    mapped = sum(_map(message) for message in messages)
    if mapped != len(messages) * becomes:
        raise BenchError(f"{len(messages)} messages became {mapped} profiles and events instead of {becomes} each")


def _map(message: dict[str, Any]) -> int:
    """Map a message and return the number of its profiles and events. Raises Rejected if one cannot be sent."""
    found = [routed for routed in route(message, DEFAULTS) if routed.reason is None]
    for routed in found:
        fragment = _encode(routed.fields)
        if routed.kind == "event":
            to_event(fragment, _RULES)
        else:
            to_profile(read("segment", fragment), _RULES)
    return len(found)
