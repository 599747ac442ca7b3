"""Reads and validates the table [alerts] of connections.toml (FERRY_CONNECTIONS): limits and channels of alerts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from configuration import checks
from configuration.alerts import Alerting, Limits, Mail, Webhook
from configuration.checks import web_address
from configuration.tables import document, read_table, variable

#: Options that need each other.
_TOGETHER: Final = (("webhook_url", "webhook_secret_env"), ("email_to", "email_from"), ("email_to", "smtp_url_env"))
_CHANNELS: Final = ("slack_url_env", "webhook_url", "email_to")
_EXAMPLES: Final = {
    "dead_letters": "100",
    "dead_percent": "5",
    "oldest_over_minutes": "30",
    "holds": "true",
    "scheduler_silent_minutes": "2",
    "no_worker_minutes": "5",
    "redis_memory_percent": "80",
    "revision_days": "90",
    "erasures": "true",
    "keys": "true",
    "lists": "true",
    "queries": "true",
    "slack_url_env": '"SLACK_WEBHOOK"',
    "webhook_url": '"https://ops.example.com/ferry"',
    "webhook_secret_env": '"ALERT_SECRET"',
    "email_to": '["ops@example.com"]',
    "email_from": '"ferry@example.com"',
    "smtp_url_env": '"SMTP_URL"',
    "console_url": '"https://ferry.example.com"',
}


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
    keys = fields.Boolean()
    lists = fields.Boolean()
    queries = fields.Boolean()
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
            raise ValidationError("missing, and so is every other channel: alerts would reach nobody.", _CHANNELS[0])


_schema = AlertsSchema()


def load(path: Path | None) -> Alerting | None:
    """Return the settings in [alerts]; None without that table. Raises ConnectionsError."""
    table = None if path is None else document(path).get("alerts")
    if table is None:
        return None
    return read_table(f"{path}: [alerts]", _schema, table, _EXAMPLES, _alerting)


def _alerting(read: Mapping[str, Any]) -> Alerting:
    return Alerting(
        limits=Limits(**{limit.name: read[limit.name] for limit in dataclasses.fields(Limits) if limit.name in read}),
        slack=_secret(read, "slack_url_env", checks.web_address) if "slack_url_env" in read else None,
        webhook=_webhook(read) if "webhook_url" in read else None,
        mail=_mail(read) if "email_to" in read else None,
        console_url=read.get("console_url"),
    )


def _webhook(read: Mapping[str, Any]) -> Webhook:
    return Webhook(read["webhook_url"], _secret(read, "webhook_secret_env", checks.secret))


def _mail(read: Mapping[str, Any]) -> Mail:
    server = _secret(read, "smtp_url_env", checks.smtp_url)
    return Mail(tuple(read["email_to"]), read["email_from"], server)


def _secret(read: Mapping[str, Any], option: str, check: Callable[[str], None]) -> str:
    value = variable(read, option)
    try:
        check(value)
    except ValidationError as fault:
        raise ValidationError({option: [f"the value of {read[option]}: {fault.messages[0]}"]}) from None
    return value
