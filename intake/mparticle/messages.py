"""The messages of mParticle's Firehose as they come over the wire (mParticle: Firehose, message types).

mParticle leaves out what is null or empty, so every field may be missing, and null is as good as missing.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw

from intake.http import faults
from intake.http.limits import AUDIENCE_ID, AUDIENCE_NAME, MESSAGE_ID

#: The version of the protocol that Ferry speaks.
FIREHOSE_VERSION: Final = "3.2.0"
NOTHING: Final = Raw(b"")

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
AudienceId = Number | Annotated[str, Meta(min_length=1, max_length=AUDIENCE_ID)]
AudienceName = Annotated[str, Meta(max_length=AUDIENCE_NAME)]


class Message(msgspec.Struct, tag_field="type"):
    """The envelope. `id` is mParticle's UUID of the message, `timestamp_ms` its time, even if it cannot be."""

    id: Annotated[str, Meta(max_length=MESSAGE_ID)] | None = None
    timestamp_ms: int | float | None = None
    account: Raw = NOTHING


class Registration(Message, tag="module_registration_request"):
    """mParticle asks what Ferry is."""


class Subscription(Message, tag="audience_subscription_request", kw_only=True):
    """An audience was connected (`add`), its settings or name changed (`update`), or it was disconnected (`remove`)."""

    audience_id: AudienceId
    audience_name: AudienceName
    action: str | None = None
    audience_subscription_settings: Raw = NOTHING


class Membership(Message, tag="audience_membership_change_request"):
    """People entered or left audiences, or their attributes changed. Each profile is read by itself later."""

    user_profiles: list[Raw] | None = None


class Events(Message, tag="event_processing_request"):
    """What one person did, with the person's consent. Only the consent is read."""

    mpid: str | int | None = None
    user_identities: Raw = NOTHING
    consent_state: Raw = NOTHING
    system_notifications: Raw = NOTHING


class Erasure(Message, tag="dsr_processing_request"):
    """A person asked to be forgotten. `subject_identities`: type -> encoding and value."""

    subject_identities: Raw = NOTHING
    subject_request_type: str | None = None
    subject_request_id: Annotated[str, Meta(max_length=MESSAGE_ID)] | None = None


class Account(msgspec.Struct, gc=False):
    """Whose message it is: the account in mParticle and the settings its users made for Ferry."""

    account_id: Number | None = None
    account_settings: Raw = NOTHING


class Profile(msgspec.Struct, gc=False):
    """One person. `mpid` is a signed 64-bit number, mostly as text."""

    mpid: str | int | None = None
    user_identities: Raw = NOTHING
    audiences: list[Raw] | None = None


class Identity(msgspec.Struct, gc=False):
    """One identity of a person; `encoding` is raw or the name of a hash."""

    type: str | None = None
    encoding: str | None = None
    value: str | None = None


class Audience(msgspec.Struct, gc=False):
    """One change of one person's membership."""

    audience_id: AudienceId | None = None
    audience_name: AudienceName | None = None
    audience_subscription_settings: Raw = NOTHING
    action: str | None = None
    user_attributes: Raw = NOTHING


#: The message types Ferry takes, by their `type`.
TYPES = ", ".join(str(kind.__struct_config__.tag) for kind in (Registration, Subscription, Membership, Events, Erasure))
decoder: msgspec.json.Decoder[Registration | Subscription | Membership | Events | Erasure] = msgspec.json.Decoder(
    Registration | Subscription | Membership | Events | Erasure
)


def read(body: bytes) -> Registration | Subscription | Membership | Events | Erasure:
    """A message. Raises falcon.HTTPBadRequest naming the place; of names that stand twice not those within profiles."""
    return faults.read(decoder, body, TYPES, apart=("user_profiles",))
