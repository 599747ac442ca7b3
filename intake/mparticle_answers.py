"""What Ferry answers to mParticle (mParticle: Firehose, message types)."""

from __future__ import annotations

import uuid
from typing import Any

import orjson

from intake.mparticle_messages import FIREHOSE_VERSION
from queues.clock import now_ms


def answer(kind: str, **fields: Any) -> bytes:
    """A response of this kind, such as `event_processing`, with a new id."""
    return orjson.dumps(
        {
            "type": f"{kind}_response",
            "id": str(uuid.uuid4()),
            "timestamp_ms": now_ms(),
            "firehose_version": FIREHOSE_VERSION,
            **fields,
        }
    )
