"""What may stand in the tables [senders.<name>] of connections.toml: names, types and limits."""

from __future__ import annotations

from typing import Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from connections import NAMES, OF_ACCOUNT, is_name
from senders import ROUTES

#: The most that are counted: each is an entry of a list in Redis.
_MOST: Final = 10_000


def _connection(name: str) -> None:
    if not is_name(name) and not OF_ACCOUNT.fullmatch(name):
        raise ValidationError(f"no name of a connection: {NAMES.removesuffix(', and not mparticle-<number>')}.")


class _RateSchema(Schema):
    per_second = fields.Integer(strict=True, required=True, validate=validate.Range(1, _MOST))
    burst = fields.Integer(strict=True, validate=validate.Range(1, _MOST))

    @validates_schema
    def _order(self, read: dict[str, int], **_: object) -> None:
        if read.get("burst", _MOST) < read.get("per_second", 0):
            raise ValidationError("smaller than per_second, which may always come at once.", "burst")


class SenderSchema(Schema):
    """One table `[senders.<name>]`. An empty list would be a sender that may do nothing, which is a mistake."""

    token_env = fields.String(validate=validate.Length(1))
    segment_secret_env = fields.String(validate=validate.Length(1))
    routes = fields.List(
        fields.String(validate=validate.OneOf(ROUTES, error=f"not one of {', '.join(ROUTES)}.")),
        validate=validate.Length(1),
    )
    connections = fields.List(fields.String(validate=_connection), validate=validate.Length(1))
    mparticle_accounts = fields.List(
        fields.Integer(strict=True, validate=validate.Range(0, 2**63 - 1)), validate=validate.Length(1)
    )
    rate = fields.Nested(_RateSchema())
    accept_keys = fields.Boolean()

    @validates_schema
    def _shows(self, read: dict[str, object], **_: object) -> None:
        if not read.keys() & {"token_env", "segment_secret_env"}:
            raise ValidationError("missing, and so is segment_secret_env: nobody could send as this one.", "token_env")
