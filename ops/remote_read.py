"""What a Ferry elsewhere did, from the JSON of its answers. Pure.

Raises KeyError, TypeError or ValueError for what is no such answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ops.actions import Released
from ops.errand import Asked, Errand
from queues.names import Queue
from queues.records import Record
from wording import ms_of


def asked(told: Sequence[Mapping[str, Any]]) -> Asked:
    """What a flush asked for, in one answer or several."""
    errands = [
        Errand(Queue.parse(each["queue"]), each["asked"], each["upto"]) for some in told for each in some["queues"]
    ]
    return Asked(min((ms_of(some["at"]) for some in told), default=0), errands)


def released(told: Mapping[str, Any]) -> Released:
    """How a release ended."""
    snapshot = told["snapshot"]
    return Released(told["released"], told["still"], snapshot and msgspec.convert(snapshot, Record))
