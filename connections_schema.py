"""What may stand in the tables of connections.toml: names, types and limits."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

#: The most that Klaviyo takes in one request: profiles in a bulk import, events, consents.
UPLOAD_LIMIT = 10_000
_EVENT_LIMIT = 1_000
_CONSENT_LIMIT = 1_000


class _FlushSchema(Schema):
    flush_size = fields.Integer(strict=True, validate=validate.Range(1, 100_000))
    flush_minutes = fields.Float(validate=validate.Range(min=0, min_inclusive=False))
    upload_max = fields.Integer(strict=True, validate=validate.Range(1, UPLOAD_LIMIT))


class _EventSchema(_FlushSchema):
    upload_max = fields.Integer(strict=True, validate=validate.Range(1, _EVENT_LIMIT))


class _ConsentSchema(_FlushSchema):
    upload_max = fields.Integer(strict=True, validate=validate.Range(1, _CONSENT_LIMIT))


class _AudienceSchema(_FlushSchema):
    list_id = fields.String(validate=validate.Length(1, 100))
    list_name = fields.String(validate=validate.Length(1, 255))
    shared_list = fields.Boolean()


class ConnectionSchema(_FlushSchema):
    """One table `[connections.<name>]`, with those inside it."""

    api_key_env = fields.String(validate=validate.Length(1))
    mparticle_account = fields.Integer(strict=True)
    alternate_identifier = fields.String()
    phone_identifier = fields.String()
    default_country = fields.String()
    property_mapping = fields.Dict(keys=fields.String(), values=fields.String())
    coerce = fields.Boolean()
    allow_global_unsubscribe = fields.Boolean()
    consent_mapping = fields.Dict(keys=fields.String(), values=fields.String())
    consent_removal = fields.Boolean()
    full_profile = fields.Boolean()
    default_attributes = fields.List(fields.String(validate=validate.Length(1, 255)))
    max_removal_percent = fields.Integer(strict=True, validate=validate.Range(0, 100))
    shared_list = fields.Boolean()
    identifiers = fields.String(validate=validate.OneOf(["verified", "email_only", "trust_cdp"]))
    prove = fields.String(validate=validate.OneOf(["all", "sample", "off"]))
    email_change = fields.String(validate=validate.OneOf(["move", "keep"]))
    phone_wins = fields.Boolean()
    blocked_identifiers = fields.List(fields.String(validate=validate.Length(1, 255)))
    shared_identifier_after = fields.Integer(strict=True, validate=validate.Range(1, 10))
    profile = fields.Nested(_FlushSchema())
    event = fields.Nested(_EventSchema())
    consent = fields.Nested(_ConsentSchema())
    audiences = fields.Dict(keys=fields.String(), values=fields.Nested(_AudienceSchema()))
    actions = fields.List(fields.Raw())
