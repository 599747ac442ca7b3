"""The OpenAPI document of the intake."""

from __future__ import annotations

from typing import Any, Final

from intake.access.auth import unauthorized
from intake.campaigns import messages as campaigns
from intake.campaigns.routes import CampaignAnswer
from intake.changes import messages as changes
from intake.changes.reading import RejectedChange
from intake.changes.routes import ChangesAnswer
from intake.http import limits
from intake.http.errors import ErrorAnswer
from intake.mparticle import messages as mparticle
from intake.openapi.operations import paths
from intake.openapi.schemas import answers, failures
from intake.readiness import Check, ReadinessAnswer
from intake.segment import auth
from intake.segment import messages as segment
from intake.segment.routes import SegmentAnswer
from intake.snapshots import status
from intake.snapshots.routes import SnapshotAnswer
from queues.snapshots.orders import PIECE

_MB: Final = limits.BODY // 1024**2
_DESCRIPTION: Final = (
    "Takes changes of audiences, profiles and consents, and events, and keeps them in durable queues until Klaviyo "
    "has them. 202, and 200 to Segment's messages, means that they are stored and will be delivered, or kept as dead "
    "letters with the reason. "
    f"A body has at most {_MB} MB, gzip allowed, and must come within {limits.REQUEST_SECONDS:.0f} s; but the members "
    f"of an audience may be of any size, while {PIECE:,} bytes come within each {limits.REQUEST_SECONDS:.0f} s. "
    "A name that a message, its account or a change has twice is refused; within a person the last one counts. "
    "Repeat a request after 408, 429, 500 or 503; what was accepted of it is recognised by the message's id or the "
    "Idempotency-Key."
)
_ERRORS: Final = {
    "400": "The request cannot be read; the description names the place.",
    "401": "No valid token or signature.",
    "403": "The sender of the token may not: the description names the route, connection or account that it lacks.",
    "404": "There is no such connection, or no such snapshot.",
    "408": "The request came too slowly.",
    "413": "The body, or the number of changes or messages in it, is too large.",
    "415": "The compression is not known (use gzip or none), or the format.",
    "429": "The sender's rate is used up; nothing was accepted.",
    "500": "A defect in Ferry; it may not have been accepted.",
    "503": "Redis is unreachable or full, or too much came at once; nothing was accepted.",
}


def document() -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    schemes = _schemes()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ferry", "version": "1.0.0", "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"bearer": []}],
        "paths": paths(schemes),
        "components": {
            "schemas": mparticle.schemas()
            | segment.schemas()
            | changes.schemas()
            | status.schemas()
            | campaigns.schemas()
            | answers(
                SegmentAnswer=SegmentAnswer,
                ChangesAnswer=ChangesAnswer,
                Rejected=RejectedChange,
                SnapshotAnswer=SnapshotAnswer,
                CampaignAnswer=CampaignAnswer,
                Readiness=ReadinessAnswer,
                ReadinessCheck=Check,
                Error=ErrorAnswer,
            ),
            "responses": failures("E", _ERRORS),
            "securitySchemes": schemes,
        },
    }


def _schemes() -> dict[str, Any]:
    return {
        "token": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": str(unauthorized().description),
        },
        "bearer": {"type": "http", "scheme": "bearer"},
        "writeKey": {"type": "http", "scheme": "basic"},
        "signature": {
            "type": "apiKey",
            "in": "header",
            "name": auth.SIGNATURE,
            "description": f"For /v1/segment: {auth.unauthorized().description}",
        },
    }
