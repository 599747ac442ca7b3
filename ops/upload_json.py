"""A settled batch as JSON, for programs. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from queues.settled import Settled
from wording import moment


def document(settled: Settled) -> dict[str, Any]:
    """What became of its changes, in numbers; changes = delivered + imported + superseded + those in `dead`."""
    return {
        "batch": settled.id,
        "taken_by": settled.reason,
        "taken_at": moment(settled.taken),
        "settled_at": moment(settled.settled),
        "attempts": settled.attempts,
        "changes": settled.count,
        "delivered": settled.delivered,
        "imported": len(settled.ends.imported),
        "superseded": len(settled.ends.superseded),
        "dead": dict(Counter(settled.ends.dead.values())),
        "warnings": dict(Counter(code for codes in settled.ends.warned.values() for code in codes)),
        "jobs": [{"id": job.id, "people": len(job.rows), "failed": job.failed} for job in settled.ends.jobs],
    }
