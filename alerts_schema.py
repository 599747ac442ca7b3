"""What may stand in the table [alerts] of connections.toml: names, types and limits."""

from __future__ import annotations

from typing import Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from settings_checks import web_address

#: Options that mean nothing without each other.
_TOGETHER: Final = (("webhook_url", "webhook_secret_env"), ("email_to", "email_from"), ("email_to", "smtp_url_env"))
_CHANNELS: Final = ("slack_url_env", "webhook_url", "email_to")


class AlertsSchema(Schema):
    """The table `[alerts]`: the limits, then the channels."""

    dead_letters = fields.Integer(strict=True, validate=validate.Range(min=0))
    dead_percent = fields.Integer(strict=True, validate=validate.Range(0, 100))
    oldest_over_minutes = fields.Integer(strict=True, validate=validate.Range(min=1))
    holds = fields.Boolean()
    scheduler_silent_minutes = fields.Integer(strict=True, validate=validate.Range(min=1))
    no_worker_minutes = fields.Integer(strict=True, validate=validate.Range(min=1))
    redis_memory_percent = fields.Integer(strict=True, validate=validate.Range(1, 100))
    revision_days = fields.Integer(strict=True, validate=validate.Range(1, 730))
    erasures = fields.Boolean()
    ledger_rolled_back = fields.Boolean()
    slack_url_env = fields.String(validate=validate.Length(1))
    webhook_url = fields.String(validate=web_address)
    webhook_secret_env = fields.String(validate=validate.Length(1))
    email_to = fields.List(fields.Email(), validate=validate.Length(1))
    email_from = fields.Email()
    smtp_url_env = fields.String(validate=validate.Length(1))
    console_url = fields.String(validate=web_address)

    @validates_schema
    def _channels(self, read: dict[str, object], **_: object) -> None:
        for one, other in _TOGETHER:
            if (one in read) != (other in read):
                missing, there = (other, one) if one in read else (one, other)
                raise ValidationError(f"missing, and {there} needs it.", missing)
        if not read.keys() & set(_CHANNELS):
            raise ValidationError("missing, and so is every other channel: nobody would be told.", _CHANNELS[0])
