"""Campaigns, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from intake.http import limits
from intake.openapi.schemas import TEXT_TIME, Schema, answer, errors, obj, ref
from intake.snapshots.openapi import STATUS

_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_TEXT: Final[Schema] = {"type": "string"}
_NAME: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": limits.AUDIENCE_NAME}
_NAMES: Final[Schema] = {"type": ["array", "null"], "items": _NAME}
_PERSON: Final[Schema] = {"type": "object", "example": {"external_id": "c-17"}}
#: An unknown name is refused: it may be a misspelt one, such as exclusion.
_CLOSED: Final[Schema] = {"additionalProperties": False}
_CAMPAIGN: Final = obj(
    {
        "name": _NAME,
        "groups": {
            "type": "array",
            "minItems": 1,
            "maxItems": limits.GROUPS,
            "items": obj(
                {"name": _NAME, "members": {"type": "array", "items": ref("SnapshotMember")}}, "name", "members"
            )
            | _CLOSED,
        },
        "connection": {"type": ["string", "null"], "description": "default when left out."},
        "exclusions": {
            "type": ["array", "null"],
            "items": _PERSON,
            "description": "Whoever shares an email, phone or external_id with one of these is in no list.",
        },
        "attributes": _NAMES | {"description": "Those to send; those of the connection when left out."},
        "lists": {
            "type": "string",
            "enum": ["per_group", "merged"],
            "description": "One for each group (when left out), or one for all of them.",
        },
        "list_name": {
            "type": ["string", "null"],
            "description": "What a list is called, of {{ campaign_name }}, {{ group_name }} and "
            "{{ now|format'yyyy-mm-dd' }}; {{ campaign_name }} - {{ group_name }} when left out, {{ campaign_name }} "
            "of a merged one. Without a date in it the next campaign of that name brings the same lists up to date.",
        },
        "launch_at": {
            "oneOf": [
                TEXT_TIME,
                {"type": "integer", "minimum": 100_000_000_000, "maximum": 9_999_999_999_999},
                {"type": "null"},
            ],
            "description": "ISO 8601, or ms since 1970: nothing is sent before. At once when left out.",
        },
        "confirm": {"type": "boolean", "description": "true: nobody is asked, however many leave a list."},
    },
    "name",
    "groups",
) | {
    **_CLOSED,
    "example": {
        "name": "Summer sale",
        "groups": [
            {"name": "20 percent", "members": [{"email": "ann@example.com", "first_name": "Ann"}]},
            {"name": "control", "members": [{"email": "bob@example.com"}]},
        ],
        "exclusions": [{"external_id": "c-17"}],
        "attributes": ["first_name"],
        "launch_at": "2026-12-01T08:00:00Z",
    },
}
_CAMPAIGN_SYNC: Final = obj(
    {
        "group": {"type": ["string", "null"], "description": "null where all groups are on one list."},
        "list": _TEXT | {"description": "The name of the list."},
        "snapshot": _TEXT,
        "members": _COUNT,
        "excluded": _COUNT,
        "status": _TEXT | {"description": "Address at which to ask how it goes.", "example": STATUS},
    },
    "group",
    "list",
    "snapshot",
    "members",
    "excluded",
    "status",
)
SCHEMAS: Final[Schema] = {
    "Campaign": _CAMPAIGN,
    "CampaignAnswer": obj(
        {"campaign": _TEXT, "syncs": {"type": "array", "items": _CAMPAIGN_SYNC}}, "campaign", "syncs"
    ),
}
OPERATION: Final[dict[str, Any]] = {
    "operationId": "campaigns",
    "summary": "A campaign: people in groups, each of which becomes a list",
    "description": "Each group is a snapshot of its list, so that the same campaign again changes nothing. A member "
    "who cannot be sent is counted as shrink of its snapshot; an exclusion that names nobody refuses the request, and "
    "so does an unknown name.",
    "requestBody": {"required": True, "content": {"application/json": {"schema": ref("Campaign")}}},
    "responses": {
        "202": answer("Stored, and waiting to be carried out.", ref("CampaignAnswer")),
        **errors("400", "401", "403", "404", "408", "413", "415", "429", "500", "503"),
    },
}
