"""Reads and validates the tables [connections.<name>] of connections.toml (FERRY_CONNECTIONS).

The file adjusts the `default` connection, which the environment defines, and adds further connections.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from configuration.connections import DEFAULT, NAMES, AudienceSettings, Connection, Connections, is_name
from configuration.tables import ConnectionsError, document
from identity import blocked
from identity.sending import Policy
from mappings.account_settings import parse_consents, rules_from_mparticle
from mappings.complaints import complaints
from mappings.rules import Rules
from mappings.segment import presets, settings
from mappings.segment.actions import Action
from queues.policy import FlushPolicy

#: Klaviyo's limits for one request: profiles in a bulk import, events, consents.
UPLOAD_LIMIT = 10_000
_EVENT_LIMIT = 1_000
_CONSENT_LIMIT = 1_000
#: The name of a column or an attribute, or a value that means nothing.
_NAME = validate.Length(1, 255)


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
    columns = fields.Dict(keys=fields.String(validate=_NAME), values=fields.String(validate=_NAME))
    null_values = fields.List(fields.String(validate=_NAME))
    reconcile = fields.String(validate=validate.OneOf(["daily"]))
    reconcile_repair = fields.Boolean()

    @validates_schema
    def _repairs(self, read: dict[str, object], **_: object) -> None:
        if read.get("reconcile_repair") and "reconcile" not in read:
            raise ValidationError('needs reconcile = "daily".', "reconcile_repair")


class ConnectionSchema(_FlushSchema):
    """One table `[connections.<name>]`, with its nested tables."""

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
    null_values = fields.List(fields.String(validate=_NAME))
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
    preset = fields.String(validate=validate.OneOf(tuple(presets.PRESETS)))
    actions = fields.List(fields.Raw())


_MPARTICLE_NAMES = {
    "alternate_identifier": "alternateIdentifier",
    "phone_identifier": "phoneIdentifier",
    "default_country": "defaultCountry",
}


_schema = ConnectionSchema()
_KINDS = ("profile", "event", "consent")


def load(path: Path | None, default: Connection) -> Connections:
    """Read connections.toml on top of the environment's `default` connection. Raises ConnectionsError."""
    if path is None:
        return Connections({DEFAULT: default})
    by_name = {DEFAULT: default}
    for name, values in _tables(path, document(path)).items():
        if not is_name(name):
            raise ConnectionsError(f"{path}: [connections.{name}]: {NAMES}")
        by_name[name] = _connection(path, name, values, default)
    _check_accounts(path, by_name)
    return Connections(by_name)


def _tables(path: Path, read: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := read.keys() - {"connections", "alerts", "senders", "sources", "queries"}:
        raise ConnectionsError(
            f"{path}: {sorted(unknown)[0]} is unknown; the tables are [connections.<name>], [senders.<name>], "
            "[sources.<name>], [queries.<name>] and [alerts]"
        )
    tables = read.get("connections", {})
    if not isinstance(tables, dict):
        raise ConnectionsError(f"{path}: connections is not a table; write each connection as [connections.<name>]")
    return tables


def _check_accounts(path: Path, by_name: Mapping[str, Connection]) -> None:
    accounts = [c.mparticle_account for c in by_name.values() if c.mparticle_account is not None]
    for account in accounts:
        if accounts.count(account) > 1:
            raise ConnectionsError(f"{path}: mparticle_account {account} is set in two connections; keep one")


def _connection(path: Path, name: str, values: Any, default: Connection) -> Connection:
    where = f"{path}: [connections.{name}]"
    try:
        read = _schema.load(values)
        rules = _rules(read, default.rules)
        consents = parse_consents(json.dumps(read.get("consent_mapping", {}))) or default.consent_mapping
        actions = _actions(read, default.actions)
        identity = _identity(read, default.identity)
    except ValidationError as fault:
        raise ConnectionsError(f"{where}: {next(complaints(fault.messages, _schema))}") from fault
    except ValueError as fault:
        raise ConnectionsError(f"{where}: {fault}") from fault
    policy = _policy(read, default.policy)
    return Connection(
        name=name,
        api_key=_api_key(where, read, default if name == DEFAULT else None),
        rules=rules,
        policy=policy,
        policies=_policies(read, policy, default.policies),
        allow_global_unsubscribe=read.get("allow_global_unsubscribe", default.allow_global_unsubscribe),
        consent_mapping=consents,
        consent_removal=read.get("consent_removal", default.consent_removal),
        mparticle_account=read.get("mparticle_account"),
        audiences={key: _audience(value, policy) for key, value in read.get("audiences", {}).items()},
        actions=actions,
        full_profile=read.get("full_profile", default.full_profile),
        default_attributes=tuple(read.get("default_attributes", default.default_attributes)),
        max_removal_percent=read.get("max_removal_percent", default.max_removal_percent),
        shared_list=read.get("shared_list", default.shared_list),
        identity=identity,
        null_values=tuple(read.get("null_values", default.null_values)),
    )


def _actions(read: Mapping[str, Any], base: tuple[Action, ...]) -> tuple[Action, ...]:
    """Return the actions for Segment's messages: the configured ones, else those of the preset. Raises ValueError."""
    if "actions" in read:
        return settings.read(read["actions"], read.get("preset", presets.DEFAULT))
    return settings.of_preset(read["preset"]) if "preset" in read else base


def _rules(read: Mapping[str, Any], base: Rules) -> Rules:
    """Return the mapping rules: the same settings as in mParticle, under this file's names."""
    names = {name: read[key] for key, name in _MPARTICLE_NAMES.items() if key in read}
    mapping = {"propertyMapping": json.dumps(read["property_mapping"])} if "property_mapping" in read else {}
    try:
        rules = rules_from_mparticle(names, mapping, base)
    except ValueError as fault:
        message = str(fault)
        for key, name in _MPARTICLE_NAMES.items():
            message = message.replace(name, key)
        raise ValueError(message) from fault
    return replace(rules, coerce=read.get("coerce", base.coerce))


def _identity(read: Mapping[str, Any], base: Policy) -> Policy:
    """Return the identity policy. Raises ValueError for an invalid pattern."""
    names = ("identifiers", "prove", "email_change", "phone_wins")
    changed: dict[str, Any] = {name: read[name] for name in names if name in read}
    if "blocked_identifiers" in read:
        changed["blocked"] = blocked.read(read["blocked_identifiers"])
    if "shared_identifier_after" in read:
        changed["shared_after"] = read["shared_identifier_after"]
    return replace(base, **changed)


def _api_key(where: str, read: Mapping[str, Any], base: Connection | None) -> str | None:
    variable = read.get("api_key_env")
    if variable is None:
        return base.api_key if base else None
    if not os.environ.get(variable):
        raise ConnectionsError(f"{where}: api_key_env names {variable}, which is not set; set it to the pk_ key")
    return os.environ[variable]


def _policy(read: Mapping[str, Any], base: FlushPolicy) -> FlushPolicy:
    size = read.get("flush_size", base.size)
    minutes = read.get("flush_minutes")
    follows = "flush_size" in read and base.upload_max == base.size
    return FlushPolicy(
        size=size,
        age_ms=base.age_ms if minutes is None else round(minutes * 60_000),
        upload_max=read.get("upload_max", min(size, UPLOAD_LIMIT) if follows else base.upload_max),
    )


def _policies(
    read: Mapping[str, Any], policy: FlushPolicy, base: Mapping[str, FlushPolicy]
) -> Mapping[str, FlushPolicy]:
    """Return the policies of the kinds that have their own."""
    own = {kind: _policy(read[kind], base.get(kind, policy)) for kind in _KINDS if kind in read}
    return {**base, **own}


def _audience(read: Mapping[str, Any], base: FlushPolicy) -> AudienceSettings:
    own = {"flush_size", "flush_minutes", "upload_max"} & read.keys()
    policy = _policy(read, base) if own else None
    nulls = tuple(read["null_values"]) if "null_values" in read else None
    columns = read.get("columns", {})
    return AudienceSettings(
        read.get("list_id"),
        read.get("list_name"),
        policy,
        read.get("shared_list"),
        columns,
        nulls,
        reconcile="reconcile" in read,
        reconcile_repair=read.get("reconcile_repair", False),
    )
