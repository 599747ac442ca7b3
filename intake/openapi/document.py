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
    "has them. Status 202 (200 for Segment's messages) means that they are stored: they will be delivered, or kept as "
    "dead letters with the reason. "
    f"A body has at most {_MB} MB, gzip allowed, and must arrive within {limits.REQUEST_SECONDS:.0f} s. The members "
    f"of an audience may be of any size, as long as {PIECE:,} bytes arrive within each {limits.REQUEST_SECONDS:.0f} s. "
    "A name that occurs twice in a message, its account or a change is refused; within a person the last one counts. "
    "Repeat a request after 408, 429, 500 or 503; parts that were accepted before are recognised by the message's id "
    "or the Idempotency-Key."
)
_ERRORS: Final = {
    "400": "The request cannot be read; the description names the place.",
    "401": "No valid token, write key or signature.",
    "403": "The sender is not allowed to do this; the description names the route, connection, account or origin it "
    "lacks.",
    "404": "There is no such connection or snapshot.",
    "408": "The request arrived too slowly.",
    "409": "An audience of the campaign cannot be used now; the description says what to do. Nothing was accepted.",
    "413": "The body is too large, or has too many changes or messages.",
    "415": "The compression (use gzip or none) or the format is not known.",
    "429": "The sender's rate is used up; nothing was accepted.",
    "500": "A defect in Ferry; the request may not have been accepted.",
    "503": "Redis is unreachable or full, or too many requests arrived at once; nothing was accepted.",
}


def document() -> dict[str, Any]:
    """Return the document, OpenAPI 3.1."""
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
