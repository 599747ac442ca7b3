"""A settled batch as JSON, for programs. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from queues.settled import Settled
from wording import moment


def document(settled: Settled) -> dict[str, Any]:
    """What became of its changes, in numbers; changes = delivered + superseded + those in `dead`, by reason."""
    return {
        "batch": settled.id,
        "taken_by": settled.reason,
        "taken_at": moment(settled.taken),
        "settled_at": moment(settled.settled),
        "attempts": settled.attempts,
        "changes": settled.count,
        "delivered": settled.delivered,
        "superseded": len(settled.ends.superseded),
        "dead": dict(Counter(settled.ends.dead.values())),
        "jobs": [{"id": job.id, "people": len(job.rows), "failed": job.failed} for job in settled.ends.jobs],
    }
