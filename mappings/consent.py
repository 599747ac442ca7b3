"""Turns a stored consent, given or withdrawn, into the form that Klaviyo's subscriptions take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from mappings import contact, person, values
from mappings.contact import IsBlocked
from mappings.errors import Rejected, Unfit
from mappings.identifiers import EMAIL, PHONE
from mappings.rules import Rules
from mappings.values import clean_text

#: The address of each channel.
CHANNELS: Final = {"email": EMAIL, "sms": PHONE}
_ADDRESSES: Final = tuple(CHANNELS.values())


@dataclass(frozen=True, slots=True)
class Consent:
    """One person's consent, given or withdrawn, by channel: `email` for e-mail, `phone` (E.164) for SMS, or both.

    `list_id`: the list that the consent is for. `custom_source`: the source that Klaviyo records. `consented_at`: the
    ISO time of a historical consent, else None. `warnings`: why a channel was left out. `channels`: the channels that
    it is for; empty: one for each address. The other address only shows whose consent it is. `given_for`: the list with
    which it was asked for, although it is sent without a list. `waiting_only`: it only takes back what is still waiting
    for its list, and tells Klaviyo nothing.
    """

    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    list_id: str | None
    custom_source: str | None
    consented_at: str | None
    warnings: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    given_for: str | None = None
    waiting_only: bool = False


def to_consent(fragment: bytes, rules: Rules, is_blocked: IsBlocked = contact.nothing) -> Consent:
    """Return the consent in `{"email", "phone_number", "country_code", "channels", "list_id", "custom_source",
    "historical_import", "consented_at", "given_for", "waiting_only"}`.

    Each channel is a separate consent: a wrong or blocked address loses only its own channel. Raises Rejected when no
    address is valid, when a historical consent has no readable time, and when the fragment is unreadable.
    """
    fields = person.decode(fragment)
    channels = _channels(fields)
    found, wrong = contact.read(fields, _ADDRESSES, rules, is_blocked)
    needed = tuple(CHANNELS[channel] for channel in channels) or _ADDRESSES
    if found.keys().isdisjoint(needed):
        raise contact.nobody(needed, {name: reason for name, reason in wrong.items() if name in needed})
    return Consent(
        email=found.get(EMAIL),
        phone=found.get(PHONE),
        list_id=_optional(fields, "list_id"),
        custom_source=_optional(fields, "custom_source"),
        consented_at=_consented_at(fields),
        warnings=tuple(wrong.values()),
        channels=channels,
        given_for=_optional(fields, "given_for"),
        waiting_only=fields.get("waiting_only") is True,
    )


def _channels(fields: dict[str, Any]) -> tuple[str, ...]:
    if "channels" not in fields:
        return ()
    named = fields["channels"]
    known = isinstance(named, list) and all(isinstance(name, str) and name in CHANNELS for name in named)
    if not named or not known:
        raise person.unreadable(f"has channels that are not a list of {', '.join(CHANNELS)}", "channels")
    return tuple(named)


def _optional(fields: dict[str, Any], name: str) -> str | None:
    value = contact.text(fields.get(name))
    if value is None:
        raise person.unreadable(f"has a value for {name} that is neither text nor a whole number", name)
    try:
        return clean_text(value) or None
    except Unfit as unfit:
        raise Rejected(unfit.reason, name, f"the {name} is longer than any text Klaviyo takes; shorten it") from unfit


def _consented_at(fields: dict[str, Any]) -> str | None:
    historical = fields.get("historical_import", False)
    if not isinstance(historical, bool):
        raise person.unreadable("has a historical_import that is neither true nor false", "historical_import")
    if not historical:
        return None
    try:
        return values.to_iso(fields.get("consented_at"))
    except Unfit as unfit:
        raise Rejected(
            unfit.reason,
            "consented_at",
            "a historical consent needs the time it was given: send consented_at in ISO 8601, or as seconds since 1970",
        ) from unfit
