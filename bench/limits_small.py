"""Figure: the share of Klaviyo's published limit that a backlog uses in small uploads."""

from __future__ import annotations

from pathlib import Path

from bench.backlog import DEFAULTS, WORKERS, Drained, drain, throttled
from bench.report import Figure, Row, Verdict
from bench.sizes import Sizes
from identity.sending import IDENTIFIERS
from klaviyo.endpoints import BULK_IMPORT, PUBLISHED
from queues.rate_limits import SHARE

TARGET = 0.85
_PEOPLE = 100
_AUDIENCE = 1
_ASKED = len(IDENTIFIERS)
_HOW = f"""\
As for large uploads, with `upload_max` {_PEOPLE} and Ferry's defaults: each upload of new people has {_ASKED} look-ups
for identity before it and one after it that checks the list; every change must count as delivered. The limit of imports
in a minute decides, because the limits of look-ups allow more. Ferry leaves {SHARE:.0%} of it to other tools, so it can
reach at most {1 - SHARE:g}x. There are as many uploads as two minutes allow and one more; the rate is all except the
first over the time between the first and the last, so it covers whole minutes of the limit. {WORKERS} worker processes,
one run."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure one backlog. Raises BenchError when a change was lost."""
    run = drain(folder / "ferry", {_AUDIENCE: sizes.uploads * _PEOPLE}, _PEOPLE, DEFAULTS)
    return Figure("Small uploads", _HOW, [_row(run), throttled([run])])


def _row(run: Drained) -> Row:
    minutes = (run.uploads[-1] - run.uploads[0]) / 60
    rate = (len(run.uploads) - 1) / minutes
    published = PUBLISHED[BULK_IMPORT.name]
    used = rate / published.steady
    return Row(
        f"Uploads of {_PEOPLE} people a minute, over {minutes:.1f} minutes",
        f"{rate:.1f}",
        f"{published.steady} published, {published.less(SHARE).steady} without the {SHARE:.0%} left to other tools",
        Verdict(f"{used:.2f}x", f">= {TARGET:g}x", used >= TARGET),
    )
