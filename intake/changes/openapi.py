"""The operation of Ferry's own form, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from intake.http import limits
from intake.openapi.schemas import CONNECTION, answer, errors, query, ref


def operation() -> dict[str, Any]:
    """`POST /v1/changes`."""
    lines = {
        "type": "string",
        "description": "One change on a line, each with its audience or for the one of ?audience.",
    }
    return {
        "operationId": "changes",
        "summary": "Changes in Ferry's own form",
        "description": f"Up to {limits.CHANGES:,}. One that cannot be read becomes a dead letter; the rest goes on.",
        "parameters": [
            CONNECTION,
            query("audience", "The audience of changes that name none.", minLength=1, maxLength=limits.AUDIENCE_ID),
            query("name", "That audience's name.", maxLength=limits.AUDIENCE_NAME),
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "A request with a key seen in the last 24 hours is answered and not stored again.",
                "schema": {"type": "string", "maxLength": limits.MESSAGE_ID},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": ref("Changes")},
                "application/x-ndjson": {"schema": lines},
            },
        },
        "responses": {
            "202": answer("Stored.", ref("ChangesAnswer")),
            **errors("400", "401", "403", "404", "408", "413", "415", "429", "500", "503"),
        },
    }
