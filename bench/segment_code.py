"""Figure: Segment's messages mapped a second, beside Segment's own code for Klaviyo."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

from bench.errors import BenchError
from bench.mapping import E164, phones, seconds
from bench.messages import number
from bench.report import Figure, Row, at_least
from bench.segment_mapping import map_all
from bench.segment_messages import PRODUCTS, identify, order, track
from bench.sizes import Sizes
from mappings.segment.actions import Name
from mappings.segment.templates import TEMPLATES

#: Segment's default for a batch of events.
BATCH: Final = 1000
_ROOT: Final = Path(__file__).parent.parent
_CLIENTS: Final = _ROOT / ".clients"
_HOW = f"""\
The same decoded messages, in turns: Ferry's mapping as above, and Segment's destination as published (the npm package
`@segment/action-destinations`), in its batches of {BATCH:,}; orders one by one, because it has no batch for them. Its
fields are mapped as Ferry's are. Of a phone that begins with a plus, as these do, it checks the characters only.
Segment's time includes writing the requests as JSON; nothing is sent. CPU time, medians over the rounds after the
first. The profiles and events of both are counted and must be complete."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind of message. `action`, `template`: its action in Segment's code and in Ferry's.

    `becomes`: profiles and events of a message. `batch`: messages of a call, 0 for one by one. `target`: least ratio.
    """

    what: str
    message: Callable[[str, str], dict[str, Any]]
    action: str
    template: Name
    becomes: int
    batch: int
    target: float


COMPARED: Final = (
    Compared("`identify`", identify, "upsertProfile", "upsert_profile", 1, BATCH, 1.0),
    Compared("`track`", track, "trackEvent", "track_event", 1, BATCH, 0.6),
    Compared(
        f"`Order Completed` with {PRODUCTS} products", order, "orderCompleted", "order_completed", 1 + PRODUCTS, 0, 0.6
    ),
)


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure each kind of message in turns. Raises BenchError."""
    return Figure("Segment's own code", _HOW, [_row(compared, sizes, folder) for compared in COMPARED])


def _row(compared: Compared, sizes: Sizes, folder: Path) -> Row:
    messages = [compared.message(number(i), phone) for i, (_, phone) in enumerate(phones(E164, sizes.people))]
    ours, theirs = [], []
    with _segment(compared, messages, folder) as run:
        for _ in range(sizes.rounds + 1):
            theirs.append(run())
            ours.append(seconds(lambda: map_all(messages, compared.becomes)))
    ratio = median(their / our for their, our in zip(theirs[1:], ours[1:], strict=True))
    ferry, segment = (sizes.people / median(rounds[1:]) for rounds in (ours, theirs))
    return Row(
        f"Mapping a message of Segment, {compared.what}, beside Segment's code",
        f"{ferry:,.0f} a second on a core",
        f"{segment:,.0f} Segment's own code",
        at_least(ratio, compared.target),
    )


@contextmanager
def _segment(compared: Compared, messages: list[dict[str, Any]], folder: Path) -> Iterator[Callable[[], float]]:
    """Run Segment's code on these messages; yields what maps all of them once and returns its CPU seconds."""
    if not (_CLIENTS / "made").exists():
        raise BenchError("Segment's code is not installed: make clients")
    with (folder / "segment.log").open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  # our own program, no shell
            [str(_CLIENTS / "bin" / "node"), str(_ROOT / "bench" / "segment_code.js")],
            env={"PATH": "/usr/bin:/bin", "NODE_PATH": str(_CLIENTS / "node_modules")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    with process:

        def ask(line: object) -> None:
            assert process.stdin  # noqa: S101  # a pipe
            process.stdin.write(msgspec.json.encode(line) + b"\n")
            process.stdin.flush()

        def run() -> float:
            ask("go")
            assert process.stdout  # noqa: S101  # a pipe
            found = msgspec.json.decode(process.stdout.readline())
            if found["made"] != len(messages) * compared.becomes:
                raise BenchError(
                    f"Segment's code made {found['people']} profiles and events of {len(messages)} messages"
                )
            return float(found["cpu_s"])

        mapping = _mapped(TEMPLATES[compared.template].fields)
        ask({"action": compared.action, "batch": compared.batch, "mapping": mapping, "messages": messages})
        yield run


def _mapped(raw: Any) -> Any:
    """Return Ferry's default fields as Segment's mappings write them, without those that have no default."""
    if isinstance(raw, dict):
        return {name: _mapped(value) for name, value in raw.items() if value is not None}
    return {"@path": raw} if isinstance(raw, str) and raw.startswith("$") else raw
