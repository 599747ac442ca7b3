"""Turns a stored event and its person into a row for Klaviyo's bulk events (Klaviyo: bulk create events)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from mappings import attributes, contact, person, values
from mappings.contact import ANONYMOUS_ID, IsBlocked
from mappings.currencies import CURRENCIES
from mappings.errors import Reason, Rejected, Unfit
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE
from mappings.person import Attribute, Person
from mappings.rules import Rules
from mappings.values import clean, clean_text

MAX_METRIC: Final = 127
MAX_PROPERTIES: Final = 400
#: Klaviyo takes only events after the year 1990.
_EARLIEST: Final = "1991"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of one person. `identifiers`: all identifiers received, by Klaviyo's names, the most reliable first.

    `user_id`: the CDP's own id of the person, empty without one. `attributes`: those of the person. `told`: those of
    the event. `warnings`: reason codes of the parts left out, each once.
    """

    identifiers: dict[str, str] = field(repr=False)
    attributes: dict[str, Any] = field(repr=False)
    told: dict[str, Any] = field(repr=False)
    user_id: str = field(default="", repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def row(self) -> dict[str, Any]:
        """An element of `events-bulk-create.data` as plain JSON, with the first identifier."""
        return self.under(*next(iter(self.identifiers.items())))

    def under(self, name: str, value: str) -> dict[str, Any]:
        """Return the row with the given identifier, or with the `id` of a Klaviyo profile.

        A row never has two identifiers: Klaviyo would merge their profiles (Klaviyo: understanding identity
        resolution).
        """
        profile: dict[str, Any] = {"type": "profile", "attributes": self.attributes}
        if name == "id":
            profile["id"] = value
        else:
            profile["attributes"] = {name: value, **self.attributes}
        events = {"data": [{"type": "event", "attributes": self.told}]}
        return {"type": "event-bulk-create", "attributes": {"profile": {"data": profile}, "events": events}}


def to_event(fragment: bytes, rules: Rules, is_blocked: IsBlocked = contact.nothing) -> Event:
    """Return the event in `{"metric", "properties", "time", "value", "value_currency", "unique_id", "profile",
    "user_id"}`; missing parts are left out, and so is a currency without a value.

    `profile`: see `read`. Raises Rejected for an event that Klaviyo would refuse or record wrongly: one without a name
    or a person, with an unreadable time or a property that is too large; and for an unreadable fragment.
    """
    fields = person.decode(fragment)
    warnings: list[str] = []
    event = {
        "metric": {"data": {"type": "metric", "attributes": {"name": _metric(fields.get("metric"))}}},
        "properties": _properties(fields.get("properties"), warnings),
        "time": _time(fields.get("time")),
        "value": _value(fields.get("value"), warnings),
        "unique_id": _unique_id(fields.get("unique_id")),
    }
    if event["value"] is not None:
        event["value_currency"] = _currency(fields.get("value_currency"), warnings)
    identifiers, attributes = read(fields.get("profile"), rules, warnings, is_blocked)
    return Event(
        identifiers,
        attributes,
        {name: value for name, value in event.items() if value is not None},
        contact.text(fields.get("user_id")) or "",
        tuple(dict.fromkeys(warnings)),
    )


def _metric(value: object) -> str:
    name = _cleaned("metric", contact.text(value) or "")
    if not name:
        raise Rejected(Reason.METRIC_MISSING, "metric", "the event has no name; the CDP must send one")
    if len(name) > MAX_METRIC:
        raise Rejected(
            Reason.METRIC_TOO_LONG, "metric", f"the event's name has over {MAX_METRIC} characters; shorten it"
        )
    return name


def _properties(value: object, warnings: list[str]) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Rejected(Reason.PROPERTIES_INVALID, "properties", "the properties are not a JSON object; map one to them")
    if len(value) > MAX_PROPERTIES:
        raise Rejected(
            Reason.PROPERTIES_TOO_MANY, "properties", f"Klaviyo takes at most {MAX_PROPERTIES} properties; send fewer"
        )
    kept = {}
    for name, content in value.items():
        try:
            kept[clean_text(name)] = clean(content)
        except Unfit as unfit:
            if unfit.reason is Reason.ATTRIBUTE_TOO_LARGE:
                raise _too_large("properties") from unfit
            warnings.append(unfit.reason)
    return kept


def _time(value: object) -> str | None:
    if value is None or value == "":
        return None
    try:
        time = values.to_iso(value)
    except Unfit as unfit:
        raise Rejected(unfit.reason, "time", "the time cannot be read; send ISO 8601 or seconds since 1970") from unfit
    if time < _EARLIEST:
        raise Rejected(Reason.TIME_INVALID, "time", f"Klaviyo takes no event from before {_EARLIEST}; correct the time")
    return time


def _value(value: object, warnings: list[str]) -> float | None:
    if isinstance(value, str):
        value = attributes.coerce(value.strip())
    if value is None or value == "":
        return None
    try:
        number = clean(value)
    except Unfit:
        number = None
    if isinstance(number, bool) or not isinstance(number, int | float):
        warnings.append(Reason.VALUE_INVALID)
        return None
    return number


def _currency(value: object, warnings: list[str]) -> str | None:
    """Return the ISO 4217 code in upper case; Klaviyo would refuse the event for anything else."""
    code = (contact.text(value) or "").upper()
    if code in CURRENCIES:
        return code
    if value not in (None, ""):
        warnings.append(Reason.CURRENCY_INVALID)
    return None


def _unique_id(value: object) -> str | None:
    text = contact.text(value)
    if text is None:
        raise Rejected(
            Reason.UNIQUE_ID_INVALID,
            "unique_id",
            "the unique_id is neither text nor a whole number; map one of these to it",
        )
    return _cleaned("unique_id", text) or None


def _cleaned(name: str, text: str) -> str:
    try:
        return clean_text(text)
    except Unfit as unfit:
        raise _too_large(name) from unfit


def _too_large(name: str) -> Rejected:
    return Rejected(
        Reason.ATTRIBUTE_TOO_LARGE,
        name,
        f"{name}: over Klaviyo's limit of 100 KB, 4,000 entries or 10 levels; send less",
    )


#: The most reliable identifier comes first.
IDENTIFIERS: Final = (EMAIL, EXTERNAL_ID, PHONE, ANONYMOUS_ID)
_NO_ATTRIBUTES: Final = frozenset((*IDENTIFIERS, "country_code"))


def read(
    profile: object, rules: Rules, warnings: list[str], is_blocked: IsBlocked = contact.nothing
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the identifiers and attributes in `{"email", "external_id", "phone_number", "country_code",
    "anonymous_id"}`.

    Any other name becomes the standard field of that name, or a custom property. The reason for each value left out is
    added to `warnings`. Raises Rejected when the person has no valid identifier, and when the e-mail is wrong, even if
    another identifier is valid (see `identifiers.check`). A blocked e-mail is none.
    """
    if not isinstance(profile, dict):
        raise person.unreadable("has a profile that is not a JSON object", "profile")
    found, wrong = contact.read(profile, IDENTIFIERS, rules, is_blocked)
    if wrong.get(EMAIL, Reason.IDENTIFIER_BLOCKED) is not Reason.IDENTIFIER_BLOCKED or not found:
        raise contact.nobody(IDENTIFIERS, wrong)
    warnings += wrong.values()
    return found, _attributes(profile, rules, warnings)


def _attributes(profile: dict[str, Any], rules: Rules, warnings: list[str]) -> dict[str, Any]:
    extra = [Attribute(name, v) for name, v in profile.items() if name not in _NO_ATTRIBUTES and v is not None]
    if not extra:
        return {}
    draft = attributes.draft(Person(attributes=tuple(extra), klaviyo_names=True), rules)
    warnings += [*draft.errors.values(), *draft.warnings]
    return draft.standard | ({"properties": draft.properties} if draft.properties else {})
