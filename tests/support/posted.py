"""What mParticle posts over HTTP, whole messages with ids of their own."""

from __future__ import annotations

import uuid
from typing import Any

from queues.names import Queue

PATH = "/v1/mparticle"
SECRET = "a secret of the installation"
ACCOUNT = {"account_id": 123456, "account_settings": {"Example Setting": "x"}}
QUEUE = Queue("mparticle-123456", "audience", "456")


def message(kind: str, **more: Any) -> dict[str, Any]:
    """A request of this kind of message."""
    return {
        "type": f"{kind}_request",
        "id": str(uuid.uuid4()),
        "timestamp_ms": 1_714_592_744_065,
        "firehose_version": "3.2.0",
        "account": ACCOUNT,
        **more,
    }


def membership(*emails: str, action: str = "add", **more: Any) -> dict[str, Any]:
    """These people join, or what `action` says, the audience of QUEUE."""
    audience = {"audience_id": 456, "audience_name": "VIPs", "action": action}
    profiles = [
        {"user_identities": [{"type": "email", "encoding": "raw", "value": email}], "audiences": [audience]}
        for email in emails
    ]
    return message("audience_membership_change", user_profiles=profiles, **more)
