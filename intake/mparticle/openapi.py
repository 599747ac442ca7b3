"""The schemas of mParticle's messages and of Ferry's answers to them, for the OpenAPI document."""

from __future__ import annotations

from typing import Final

from intake.http import limits
from intake.mparticle.messages import FIREHOSE_VERSION
from intake.openapi.schemas import AUDIENCE_ID, CLAMPED, LARGEST, Schema, obj, text
from mappings import consent_state

_SETTINGS: Final[Schema] = {
    "type": ["object", "null"],
    "additionalProperties": {"type": "string"},
    "description": "Setting id and value, as declared in the registration.",
}
_ACCOUNT: Final = obj(
    {
        "account_id": {"type": ["integer", "null"], "minimum": 0, "maximum": LARGEST},
        "account_settings": _SETTINGS,
    }
)


def _message(kind: str, description: str, more: Schema | None = None, *required: str) -> Schema:
    envelope: Schema = {
        "type": {"type": "string", "const": kind},
        "id": text("mParticle's id of the message; one seen in the last 24 hours is stored once.", limits.MESSAGE_ID),
        "timestamp_ms": {"type": ["number", "null"], "description": f"Since 1970. {CLAMPED}"},
        "firehose_version": {"type": "string", "examples": [FIREHOSE_VERSION]},
        "account": _ACCOUNT | {"type": ["object", "null"]},
    }
    return obj(envelope | (more or {}), "type", *required, description=description)


def _response(kind: str, more: Schema | None = None) -> Schema:
    envelope: Schema = {
        "type": {"type": "string", "const": kind},
        "id": {"type": "string", "format": "uuid"},
        "timestamp_ms": {"type": "integer"},
        "firehose_version": {"type": "string"},
    }
    return obj(envelope | (more or {}), *envelope)


_MPID: Final[Schema] = {"type": ["string", "integer", "null"]}
_SUBJECT: Final = obj({"encoding": text("raw or a hash."), "value": text("")})
_IDENTITIES: Final[Schema] = {
    "type": ["array", "null"],
    "items": obj({"type": text("Such as email."), **_SUBJECT["properties"]}),
}
_PURPOSES: Final[Schema] = {
    "type": ["object", "null"],
    "additionalProperties": obj(
        {
            "consented": {"type": "boolean"},
            "timestamp_unixtime_ms": {
                "type": ["integer", "null"],
                "description": "Since when; else that of the message.",
            },
        }
    ),
}
_CONSENT_STATE: Final = obj(
    dict.fromkeys(consent_state.REGULATIONS, _PURPOSES),
    description="Decisions by purpose. What cannot be read is no consent, and fails no message.",
)
_PROFILE: Final = obj(
    {
        "mpid": _MPID,
        "user_identities": _IDENTITIES,
        "audiences": {
            "type": ["array", "null"],
            "items": obj(
                {
                    "audience_id": AUDIENCE_ID,
                    "audience_name": text("The name now.", limits.AUDIENCE_NAME),
                    "audience_subscription_settings": _SETTINGS,
                    "action": {"type": "string", "enum": ["add", "delete", "attribute_update"]},
                    "user_attributes": {"type": ["array", "null"], "items": {"type": "object"}},
                },
                "audience_id",
                "action",
            ),
        },
    },
    description="One person. One that cannot be read never fails the message; it becomes a dead letter.",
)
REQUESTS: Final = {
    "RegistrationRequest": _message("module_registration_request", "mParticle asks what Ferry is."),
    "SubscriptionRequest": _message(
        "audience_subscription_request",
        "An audience was connected, changed or disconnected.",
        {
            "audience_id": AUDIENCE_ID,
            "audience_name": {"type": "string", "maxLength": limits.AUDIENCE_NAME},
            "action": text("add, update or remove."),
            "audience_subscription_settings": _SETTINGS,
        },
        "audience_id",
        "audience_name",
    ),
    "MembershipRequest": _message(
        "audience_membership_change_request",
        "People entered or left audiences, or their attributes changed. Without profiles it keeps the line alive.",
        {"user_profiles": {"type": ["array", "null"], "items": _PROFILE}},
    ),
    "EventsRequest": _message(
        "event_processing_request",
        "The consent that comes with the events is remembered for later changes of the person. Nothing else is stored.",
        {
            "mpid": _MPID,
            "user_identities": _IDENTITIES,
            "consent_state": _CONSENT_STATE | {"type": ["object", "null"]},
            "system_notifications": {
                "type": ["array", "null"],
                "items": {"type": "object"},
                "description": "Those of type gdpr_consent_state and ccpa_consent_state count as consents.",
            },
            "events": {"type": ["array", "null"]},
        },
    ),
    "ErasureRequest": _message(
        "dsr_processing_request",
        "A person asked to be forgotten. Stored and carried out within seconds: the person is taken out of every queue "
        "of the connection, then Klaviyo is asked to delete the profile. One without any identity is a dead letter.",
        {
            "subject_request_id": text("", limits.MESSAGE_ID),
            "subject_request_type": {"type": ["string", "null"], "enum": ["erasure", "", None]},
            "subject_identities": {
                "type": ["object", "null"],
                "additionalProperties": _SUBJECT | {"type": ["object", "null"]},
                "description": "By type, such as email.",
            },
        },
    ),
}
RESPONSES: Final = {
    "RegistrationResponse": _response("module_registration_response", {"name": {"type": "string"}}),
    "SubscriptionResponse": _response(
        "audience_subscription_response", {"audience_subscription_settings": {"type": "object"}}
    ),
    "MembershipResponse": _response(
        "audience_membership_change_response", {"suspend_subscription": {"type": "boolean"}}
    ),
    "EventsResponse": _response("event_processing_response"),
    "ErasureResponse": _response("dsr_processing_response"),
}
