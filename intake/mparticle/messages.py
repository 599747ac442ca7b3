"""The messages of mParticle's Firehose and their answers (mParticle: Firehose).

mParticle leaves out values that are null or empty, so every field may be missing, and null means missing.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType, field

from intake.http import faults
from intake.http.limits import AUDIENCE_ID, AUDIENCE_NAME, MESSAGE_ID
from intake.openapi.schemas import CLAMPED, Schema, answers, maybe, ref, requests
from mappings import consent_state
from queues.clock import now_ms

#: The version of the protocol that Ferry speaks.
FIREHOSE_VERSION: Final = "3.2.0"
NOTHING: Final = Raw(b"")
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
AudienceId = Annotated[
    Number | Annotated[str, Meta(min_length=1, max_length=AUDIENCE_ID)],
    Meta(description="The CDP's id of the audience. It never changes; the name may."),
]
AudienceName = Annotated[str, Meta(max_length=AUDIENCE_NAME)]
_MessageId = Annotated[str, Meta(max_length=MESSAGE_ID)]
_Settings = Annotated[
    Raw,
    Meta(
        description="Setting id and value, as declared in the registration.",
        extra_json_schema={"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    ),
]
_Identities = Annotated[Raw, Meta(extra_json_schema=maybe({"type": "array", "items": ref("MParticleIdentity")}))]
_OBJECTS: Final = {"type": ["array", "null"], "items": {"type": "object"}}
_PURPOSE: Final[Schema] = {
    "type": "object",
    "properties": {
        "consented": {"type": "boolean"},
        "timestamp_unixtime_ms": {
            "type": ["integer", "null"],
            "description": "Time of the decision; default: the time of the message.",
        },
    },
}
_PURPOSES: Final[Schema] = {"type": ["object", "null"], "additionalProperties": _PURPOSE}
_CONSENT_STATE: Final[Schema] = {
    "type": "object",
    "description": "Decisions by purpose. What cannot be read counts as no consent and does not fail the message.",
    "properties": dict.fromkeys(consent_state.REGULATIONS, _PURPOSES),
}


class FirehoseMessage(msgspec.Struct, tag_field="type"):
    """The envelope of a message. `timestamp_ms`: any number, even an impossible time."""

    id: Annotated[
        _MessageId | None,
        Meta(description="mParticle's id of the message. An id seen in the last 24 hours is not stored again."),
    ] = None
    timestamp_ms: Annotated[int | float | None, Meta(description=f"ms since 1970. {CLAMPED}")] = None
    account: Annotated[Raw, Meta(extra_json_schema=maybe(ref("MParticleAccount")))] = field(default_factory=Raw)


class Registration(FirehoseMessage, tag="module_registration_request"):
    """mParticle asks for Ferry's registration."""


class Subscription(FirehoseMessage, tag="audience_subscription_request", kw_only=True):
    """An audience was connected, its settings or name changed, or it was disconnected."""

    audience_id: AudienceId
    audience_name: AudienceName
    action: Annotated[str | None, Meta(description="add, update or remove.")] = None
    audience_subscription_settings: _Settings = field(default_factory=Raw)


class MembershipMessage(FirehoseMessage, tag="audience_membership_change_request"):
    """People entered or left audiences, or their attributes changed. Without profiles it is a keep-alive message.

    Each profile is read on its own.
    """

    user_profiles: list[Annotated[Raw, Meta(extra_json_schema=ref("MParticleProfile"))]] | None = None


class Events(FirehoseMessage, tag="event_processing_request"):
    """The events of one person, with the person's consent.

    The consent is remembered for later changes of the person. Nothing else is stored, and the events are not read.
    """

    mpid: str | int | None = None
    user_identities: _Identities = field(default_factory=Raw)
    consent_state: Annotated[Raw, Meta(extra_json_schema=maybe(ref("ConsentState")))] = field(default_factory=Raw)
    system_notifications: Annotated[
        Raw,
        Meta(
            description="Notifications of type gdpr_consent_state and ccpa_consent_state count as consents.",
            extra_json_schema=_OBJECTS,
        ),
    ] = field(default_factory=Raw)


class Erasure(FirehoseMessage, tag="dsr_processing_request"):
    """A person asked to be forgotten.

    The request is stored and carried out within seconds: Ferry removes the person from every queue of the connection,
    then asks Klaviyo to delete the profile. A request without any identity becomes a dead letter.
    """

    subject_identities: Annotated[
        Raw,
        Meta(
            description="Encoding and value of each identity, by type such as email.",
            extra_json_schema={
                "type": ["object", "null"],
                "additionalProperties": maybe(ref("MParticleIdentity")),
            },
        ),
    ] = field(default_factory=Raw)
    subject_request_type: Annotated[str | None, Meta(extra_json_schema={"enum": ["erasure", "", None]})] = None
    subject_request_id: _MessageId | None = None


class MParticleAccount(msgspec.Struct, gc=False):
    """The account in mParticle, and the settings that its users made for Ferry."""

    account_id: Number | None = None
    account_settings: _Settings = field(default_factory=Raw)


class MParticleProfile(msgspec.Struct, gc=False):
    """One person. A profile that cannot be read becomes a dead letter and does not fail the message."""

    mpid: Annotated[str | int | None, Meta(description="A signed 64-bit number, mostly as text.")] = None
    user_identities: _Identities = field(default_factory=Raw)
    audiences: list[Annotated[Raw, Meta(extra_json_schema=ref("MParticleAudience"))]] | None = None


class MParticleIdentity(msgspec.Struct, gc=False):
    """One identity of a person."""

    type: Annotated[str | None, Meta(description="Such as email.")] = None
    encoding: Annotated[str | None, Meta(description="raw or a hash.")] = None
    value: str | None = None


class AudienceMembership(msgspec.Struct, gc=False):
    """One change of one person's membership. Without audience_id or action it becomes a dead letter."""

    audience_id: AudienceId | None = None
    audience_name: Annotated[AudienceName | None, Meta(description="The current name.")] = None
    audience_subscription_settings: _Settings = field(default_factory=Raw)
    action: Annotated[str | None, Meta(description="add, delete or attribute_update.")] = None
    user_attributes: Annotated[Raw, Meta(extra_json_schema=_OBJECTS)] = field(default_factory=Raw)


class Response(msgspec.Struct, tag_field="type", kw_only=True):
    """The envelope of an answer."""

    id: uuid.UUID = field(default_factory=uuid.uuid4)
    timestamp_ms: int = field(default_factory=now_ms)
    firehose_version: str = FIREHOSE_VERSION


class RegistrationResponse(Response, tag="module_registration_response", kw_only=True):
    """Ferry's registration, for mParticle to import."""

    name: str
    description: str
    version: str
    sdk_version: str
    permissions: dict[str, Any]
    event_processing_registration: dict[str, Any]
    audience_processing_registration: dict[str, Any]
    dsr_processing_registration: dict[str, Any]


class SubscriptionResponse(Response, tag="audience_subscription_response", kw_only=True):
    """The audience is remembered."""

    # mParticle never sends an empty object, so Ferry sends none either.
    audience_subscription_settings: Annotated[
        dict[str, str] | UnsetType, Meta(description="The settings to keep, with the Klaviyo list once there is one.")
    ] = UNSET


class MembershipResponse(Response, tag="audience_membership_change_response", kw_only=True):
    """The changes are stored."""

    suspend_subscription: Annotated[bool, Meta(description="true: mParticle must stop sending.")]


class EventsResponse(Response, tag="event_processing_response"):
    """The consent is remembered."""


class ErasureResponse(Response, tag="dsr_processing_response"):
    """The erasure is stored."""


#: The message types Ferry takes, by their `type`.
TYPES = ", ".join(
    str(kind.__struct_config__.tag) for kind in (Registration, Subscription, MembershipMessage, Events, Erasure)
)
decoder: msgspec.json.Decoder[Registration | Subscription | MembershipMessage | Events | Erasure] = (
    msgspec.json.Decoder(Registration | Subscription | MembershipMessage | Events | Erasure)
)


def read(body: bytes) -> Registration | Subscription | MembershipMessage | Events | Erasure:
    """Read a message. Raises falcon.HTTPBadRequest naming the place; names twice within profiles are checked later."""
    return faults.read(decoder, body, TYPES, apart=("user_profiles",))


def schemas() -> Schema:
    """Return the schemas of messages and answers for the OpenAPI document."""
    posted = requests(
        RegistrationRequest=Registration,
        SubscriptionRequest=Subscription,
        MembershipRequest=MembershipMessage,
        EventsRequest=Events,
        ErasureRequest=Erasure,
        MParticleAccount=MParticleAccount,
        MParticleProfile=MParticleProfile,
        MParticleIdentity=MParticleIdentity,
        MParticleAudience=AudienceMembership,
    )
    answered = answers(
        RegistrationResponse=RegistrationResponse,
        SubscriptionResponse=SubscriptionResponse,
        MembershipResponse=MembershipResponse,
        EventsResponse=EventsResponse,
        ErasureResponse=ErasureResponse,
    )
    return posted | answered | {"ConsentState": _CONSENT_STATE}
