"""Reads and validates the tables [senders.<name>] of connections.toml (FERRY_CONNECTIONS)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from configuration import checks
from configuration.connections import NAMES, OF_ACCOUNT, Connections, is_name
from configuration.senders import ROUTES, Rate, Sender
from configuration.tables import ConnectionsError, document, read_table, variable

#: The largest rate: each request counted is an entry of a list in Redis.
_MOST: Final = 10_000
#: An origin as browsers send it (RFC 6454, 6.2): in lower case, the port only when it is not the scheme's own.
_ORIGIN: Final = re.compile(
    r"(?!https://.*:443$|http://.*:80$)[a-z][a-z0-9+.-]*://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
)
_EXAMPLES: Final = {
    "token_env": '"BRAND_B_TOKEN"',
    "segment_secret_env": '"BRAND_B_SEGMENT_SECRET"',
    "routes": '["segment", "changes"]',
    "connections": '["brand_b"]',
    "mparticle_accounts": "[123456]",
    "rate": "{per_second = 50, burst = 100}",
    "accept_keys": "false",
    "allowed_origins": '["https://www.example.com"]',
}


def _connection(name: str) -> None:
    if not is_name(name) and not OF_ACCOUNT.fullmatch(name):
        rule = NAMES.removesuffix(", and is not mparticle-<number>")
        raise ValidationError(f"not the name of a connection: {rule}.")


def _origin(text: str) -> None:
    if not _ORIGIN.fullmatch(text):
        raise ValidationError(
            "not an origin as browsers send it: scheme://host in lower case, with a port if it is not the usual one, "
            "and nothing behind it."
        )


class _RateSchema(Schema):
    per_second = fields.Integer(strict=True, required=True, validate=validate.Range(1, _MOST))
    burst = fields.Integer(strict=True, validate=validate.Range(1, _MOST))

    @validates_schema
    def _order(self, read: dict[str, int], **_: object) -> None:
        if read.get("burst", _MOST) < read.get("per_second", 0):
            raise ValidationError("smaller than per_second; make it at least as large.", "burst")


class SenderSchema(Schema):
    """One table `[senders.<name>]`. Empty lists are refused: such a sender could do nothing."""

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
    allowed_origins = fields.List(fields.String(validate=_origin), validate=validate.Length(1))

    @validates_schema
    def _shows(self, read: dict[str, object], **_: object) -> None:
        if not read.keys() & {"token_env", "segment_secret_env"}:
            raise ValidationError("missing, and so is segment_secret_env; a sender needs one of them.", "token_env")

    @validates_schema
    def _public(self, read: dict[str, object], **_: object) -> None:
        if "allowed_origins" in read and read.get("routes") != ["segment"]:
            raise ValidationError(
                'everybody who opens the page can read its write key; set routes = ["segment"] beside it, and give '
                "other programs a sender of their own.",
                "allowed_origins",
            )


_schema = SenderSchema()


def load(path: Path | None, known: Connections) -> tuple[Sender, ...]:
    """Return the senders in the file. `known`: its connections. Raises ConnectionsError with place and remedy."""
    tables = {} if path is None else document(path).get("senders", {})
    if not isinstance(tables, dict):
        raise ConnectionsError(f"{path}: senders is not a table; write each sender as [senders.<name>]")
    return tuple(_sender(f"{path}: [senders.{name}]", name, values, known) for name, values in tables.items())


def check_apart(scoped: Iterable[Sender], simple: Iterable[Sender]) -> None:
    """Raise ConnectionsError if two senders share a name or a token, because it would be unclear whose scope applies.

    `scoped`: the senders of connections.toml; `simple`: those of FERRY_TOKENS and FERRY_SEGMENT_SECRETS.
    """
    names = {each.name for each in simple}
    owners = {secret: each.name for each in simple for secret in (*each.tokens, *each.segment_secrets)}
    for each in scoped:
        where = f"[senders.{each.name}]"
        if each.name in names:
            raise ConnectionsError(f"{where}: FERRY_TOKENS also has a sender {each.name}; remove it there")
        for secret in (*each.tokens, *each.segment_secrets):
            if (other := owners.setdefault(secret, each.name)) != each.name:
                raise ConnectionsError(f"{where}: it shares a token or secret with {other}; give each sender its own")


def _sender(where: str, name: str, values: Any, known: Connections) -> Sender:
    if not is_name(name):
        raise ConnectionsError(f"{where}: a name has up to 40 lower-case letters, digits, - and _")
    sender = read_table(where, _schema, values, _EXAMPLES, partial(_made, name))
    _check_accounts(where, sender, known)
    return sender


def _made(name: str, read: Mapping[str, Any]) -> Sender:
    return Sender(
        name,
        _secrets(read, "token_env"),
        _secrets(read, "segment_secret_env"),
        _set(read, "routes"),
        _set(read, "connections"),
        _set(read, "mparticle_accounts"),
        _rate(read.get("rate")),
        read.get("accept_keys", False),
        _set(read, "allowed_origins") or frozenset(),
    )


def _check_accounts(where: str, sender: Sender, known: Connections) -> None:
    """Raise ConnectionsError if the sender may use an account but not its connection."""
    for account in sorted(sender.mparticle_accounts or ()):
        connection = known.for_mparticle(account).name
        if not sender.may_name(connection):
            raise ConnectionsError(
                f"{where}: mparticle_accounts names {account}, whose connection is {connection}; add it to connections"
            )


def _set(read: Mapping[str, Any], option: str) -> frozenset[Any] | None:
    return frozenset(read[option]) if option in read else None


def _rate(read: Mapping[str, int] | None) -> Rate | None:
    return None if read is None else Rate(read["per_second"], read.get("burst", read["per_second"]))


def _secrets(read: Mapping[str, Any], option: str) -> tuple[str, ...]:
    """Return the values in the variable that an option names, the newest first."""
    if option not in read:
        return ()
    values = tuple(text.strip() for text in variable(read, option).split(",") if text.strip())
    for value in values:
        try:
            checks.secret(value)
        except ValidationError:
            raise ValidationError(
                {option: [f"a value of {read[option]} has under 16 characters; make a longer one."]}
            ) from None
    return values
