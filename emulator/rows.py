"""Checks profiles as Klaviyo does before it stores any; written by hand, because 10,000 rows arrive at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import orjson

from emulator.errors import Problem, invalid, misshapen
from emulator.fields import ATTRIBUTES, WITH_KX, Checks, Finding, findings, unknown
from emulator.jsonapi import Json

MAX_PROFILE_BYTES = 100_000


class Form(NamedTuple):
    """The parts of a profile in one call: attributes, members, and the identifiers of which it needs one (or none)."""

    attributes: Checks
    members: frozenset[str]
    identifiers: tuple[str, ...]


_PERSON = ("email", "phone_number", "external_id")
UPSERT = Form(WITH_KX, frozenset({"type", "id", "attributes", "meta"}), (*_PERSON, "_kx"))
CREATE = Form(ATTRIBUTES, frozenset({"type", "attributes"}), _PERSON)
UPDATE = Form(ATTRIBUTES, frozenset({"type", "id", "attributes", "meta"}), ())


def problems(row: object, pointer: str, form: Form) -> list[Problem]:
    """Return everything that Klaviyo refuses in one profile; `pointer`: its place in the body."""
    if not isinstance(row, dict) or row.get("type") != "profile" or not isinstance(row.get("attributes"), dict):
        return [misshapen(pointer)]
    attributes = row["attributes"]
    found = [(f"/attributes{suffix}", fault) for suffix, fault in findings(attributes, form.attributes, "profile")]
    if row.keys() - form.members:
        found += [(f"/{name}", unknown(name, "profile")) for name in row if name not in form.members]
    if form.identifiers and not row.get("id") and not any(attributes.get(name) for name in form.identifiers):
        found.append(("/attributes", f"At least one identifier is required: {', '.join(form.identifiers)}."))
    if not isinstance(row.get("id"), (str, type(None))):
        found.append(("/id", "Not a valid string."))
    if row.get("meta") is not None:
        found += _meta(row["meta"])
    if len(orjson.dumps(row)) > MAX_PROFILE_BYTES:
        found.append(("", f"The profile is larger than {MAX_PROFILE_BYTES} bytes."))
    return [invalid(fault, pointer + suffix) for suffix, fault in found]


def _meta(meta: object) -> list[Finding]:
    if not isinstance(meta, dict):
        return [("/meta/patch_properties", "Not a valid object.")]
    return [*_orders(meta, "patch_properties", _order_fault), *_orders(meta, "patch_identifiers", _email_fault)]


def _orders(meta: Json, kind: str, fault_of: Callable[[str, object], str]) -> list[Finding]:
    orders = meta.get(kind)
    if orders is None:
        return []
    if not isinstance(orders, dict):
        return [(f"/meta/{kind}", "Not a valid object.")]
    faults = [(name, fault_of(name, order)) for name, order in orders.items()]
    return [(f"/meta/{kind}/{name}", fault) for name, fault in faults if fault]


def _order_fault(name: str, order: object) -> str:
    if name == "unset":
        keys = [order] if isinstance(order, str) else order
        fine = order is None or (isinstance(keys, list) and all(isinstance(key, str) for key in keys))
        return "" if fine else "Unset must be a string or an array of strings"
    if name in ("append", "unappend"):
        return "" if isinstance(order, (dict, type(None))) else "Not a valid object."
    return unknown(name, "patch_properties")


def _email_fault(name: str, order: object) -> str:
    """Return the problem of an order: only an array of e-mails can be appended (OpenAPI: PatchIdentifiers)."""
    if name != "append":
        return "The emulator plays only append."
    emails = order.get("email") if isinstance(order, dict) and order.keys() == {"email"} else None
    if not isinstance(emails, list):
        return "Append must be an object with an array of e-mail addresses."
    return next((fault for email in emails for _, fault in ATTRIBUTES["email"](email)), "")
