"""Checks the rows of a subscription or an unsubscription as Klaviyo does before it carries out any."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import Any, NamedTuple

import phonenumbers

from emulator import phones
from emulator.consents import CHANNELS
from emulator.errors import Problem, invalid, misshapen
from emulator.fields import ATTRIBUTES, FINE, Checks, Finding, findings, unknown
from emulator.times import moment_of

_DAY = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


class Form(NamedTuple):
    """The parts of a row in one of the two calls: its members, its attributes, the consent that it sets."""

    members: frozenset[str]
    attributes: Checks
    consent: str


class Circumstances(NamedTuple):
    """The context of a row: the clock, the historical flag, and the regions with a sending number."""

    now: float
    historical: bool
    regions: Set[str]


def _birthday(value: object) -> tuple[Finding, ...]:
    return FINE if isinstance(value, str) and _DAY.fullmatch(value) else (("", "Not a valid date; send YYYY-MM-DD."),)


_COMMON: Checks = {
    "email": ATTRIBUTES["email"],
    "phone_number": ATTRIBUTES["phone_number"],
    "subscriptions": lambda _: FINE,
}
SUBSCRIBE = Form(
    frozenset({"type", "id", "attributes"}), {**_COMMON, "age_gated_date_of_birth": _birthday}, "SUBSCRIBED"
)
UNSUBSCRIBE = Form(frozenset({"type", "attributes"}), _COMMON, "UNSUBSCRIBED")


def problems(row: object, pointer: str, form: Form, circumstances: Circumstances) -> list[Problem]:
    """Return everything that Klaviyo refuses in one row; `pointer`: its place in the body."""
    if not isinstance(row, dict) or row.get("type") != "profile" or not isinstance(row.get("attributes"), dict):
        return [misshapen(pointer)]
    found = [(f"/{name}", unknown(name, "profile")) for name in row if name not in form.members]
    if not isinstance(row.get("id"), (str, type(None))):
        found.append(("/id", "Not a valid string."))
    attributes = row["attributes"]
    inner = [*findings(attributes, form.attributes, "profile"), *_channels(attributes, form, circumstances)]
    if not inner:
        inner = list(_unreachable(attributes, form, circumstances))
    found += [(f"/attributes{suffix}", fault) for suffix, fault in inner]
    return [invalid(fault, pointer + suffix) for suffix, fault in found]


def drop_phone(row: object) -> bool:
    """Drop an invalid number and SMS from an unchecked row of a subscription, see `phones.drop`.

    A row that asks only for SMS is not changed.
    """
    attributes = row.get("attributes") if isinstance(row, dict) else None
    wished = attributes.get("subscriptions") if isinstance(attributes, dict) else None
    if not isinstance(wished, dict) or not wished.keys() - {"sms"} or not phones.drop(row, ("email",)):
        return False
    wished.pop("sms", None)
    return True


def _channels(attributes: dict[str, Any], form: Form, circumstances: Circumstances) -> Iterator[Finding]:
    wished = attributes.get("subscriptions")
    named = list(_named(wished)) if isinstance(wished, dict) else []
    if not named:
        yield "/subscriptions", "At least one channel is required."
    for channel, parameters in named:
        where = f"/subscriptions/{channel.replace('.', '/')}".rstrip("/")
        if channel not in CHANNELS:
            yield where, f"The emulator does not play this channel; it plays {', '.join(CHANNELS)}."
        elif not isinstance(parameters, dict) or parameters.get("consent") != form.consent:
            yield f"{where}/consent", f"'consent' must be {form.consent}."
        else:
            for suffix, fault in _parameters(parameters, form, circumstances):
                yield f"{where}{suffix}", fault


def _named(wished: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (channel, parameters), such as `email.marketing`; a null counts as not sent."""
    for name, kinds in wished.items():
        for kind, parameters in kinds.items() if isinstance(kinds, dict) else [("", kinds)]:
            if parameters is not None:
                yield f"{name}.{kind}", parameters


def _parameters(parameters: dict[str, Any], form: Form, circumstances: Circumstances) -> Iterator[Finding]:
    known = {"consent", "consented_at"} if form is SUBSCRIBE else {"consent"}
    for name in sorted(parameters.keys() - known):
        yield f"/{name}", unknown(name, "profile")
    if form is SUBSCRIBE:
        fault = _consented_at_fault(parameters.get("consented_at"), circumstances)
        if fault:
            yield "/consented_at", fault


def _consented_at_fault(value: object, circumstances: Circumstances) -> str:
    if not circumstances.historical:
        return "'consented_at' is only allowed when 'historical_import' is true." if value is not None else ""
    if value is None:
        return "'consented_at' is required when 'historical_import' is true."
    moment = moment_of(value)
    if moment is None:
        return "Not a valid date and time; send ISO 8601."
    return "" if moment < circumstances.now else "'consented_at' must be in the past."


def _unreachable(attributes: dict[str, Any], form: Form, circumstances: Circumstances) -> Iterator[Finding]:
    """Yield each channel without its identifier, and SMS to a region where the account has no sending number."""
    channels = [channel for channel, _ in _named(attributes["subscriptions"])]
    for name in dict.fromkeys(channel.partition(".")[0] for channel in channels):
        field = CHANNELS[f"{name}.marketing"]
        value = attributes.get(field)
        if not value:
            yield f"/{field}", f"'{field}' must not be empty when the {name} channel is included in 'subscriptions'."
        elif form is SUBSCRIBE and name == "sms" and _region(value) not in circumstances.regions:
            yield f"/{field}", "Phone number is valid but is not in a supported region for this account."


def _region(number: str) -> str | None:
    return phonenumbers.region_code_for_number(phonenumbers.parse(number))
