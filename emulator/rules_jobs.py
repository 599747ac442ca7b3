"""What Klaviyo refuses in whole calls: the rules by schema and member, and those about several members of a body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from emulator import phones, rules
from emulator.consents import CHANNELS, CONSENTS
from emulator.profiles import IDENTIFIERS
from emulator.rules import INVALID_PHONE, About, Check, Finding
from emulator.times import moment_of

MAX_EVENTS = 1_000
_NO_REGION = "Phone number is valid but is not in a supported region for this account."


def _known_list(list_id: str, about: About) -> Iterable[Finding]:
    return () if list_id in about.lists else (("", f"List ID {list_id} does not exist."),)


def _known_segment(segment_id: str, _about: About) -> Iterable[Finding]:
    """The account has no segments."""
    return (("", f"Segment ID {segment_id} does not exist."),)


def _one_identifier(row: Any, _about: About) -> Iterable[Finding]:
    given = (row.get("id"), *row["attributes"].values())
    fine = sum(value is not None for value in given) == 1
    return () if fine else (("", "Exactly one of email, phone_number and id is required."),)


def _one_target(job: Any, _about: About) -> Iterable[Finding]:
    related = job.get("relationships") or {}
    given = (job["attributes"].get("profiles"), related.get("list"), related.get("segment"))
    fine = sum(value is not None for value in given) == 1
    return () if fine else (("", "Exactly one of profiles, list and segment is required."),)


def _events(job: Any, _about: About) -> Iterator[Finding]:
    """Check the number of all events, and for a repeated unique id of one person and metric (bulk create events)."""
    place = "/attributes/events-bulk-create/data"
    entries = job["attributes"]["events-bulk-create"]["data"]
    if sum(len(entry["attributes"]["events"]["data"]) for entry in entries) > MAX_EVENTS:
        yield place, f"At most {MAX_EVENTS} events may be sent in one call."
    seen: set[tuple[str, ...]] = set()
    for number, entry in enumerate(entries):
        identity = _identity(entry["attributes"]["profile"]["data"])
        for index, event in enumerate(entry["attributes"]["events"]["data"]):
            unique_id = event["attributes"].get("unique_id")
            key = (*identity, event["attributes"]["metric"]["data"]["attributes"]["name"], str(unique_id))
            if unique_id is not None and key in seen:
                where = f"{place}/{number}/attributes/events/data/{index}/attributes/unique_id"
                yield where, "'unique_id' is repeated for this profile and metric."
            if unique_id is not None:
                seen.add(key)


def _identity(person: Any) -> tuple[str, str]:
    """Return the identifier with the highest rank in Klaviyo."""
    given = {"id": person.get("id"), **person["attributes"]}
    name = next(name for name in ("id", *IDENTIFIERS) if given.get(name))
    return name, given[name].lower() if name == "email" else given[name]


def _subscription(row: Any, about: About) -> Iterable[Finding]:
    """Check a subscription. An invalid number beside another channel is left out together with SMS, see
    `rules.phone_left_out`; SMS needs a region in which the account has a sending number."""
    attributes = row["attributes"]
    wished, number = attributes["subscriptions"], attributes.get("phone_number")
    if number is not None and not phones.takes(number):
        if not wished.keys() - {"sms"} or not (row.get("id") or attributes.get("email")):
            return (("/attributes/phone_number", INVALID_PHONE),)
        about.partial, number = True, None
        del attributes["phone_number"]
        wished.pop("sms", None)
    if wished.get("sms") and number and phones.region(number) not in about.regions:
        return (*_channels(row, about), ("/attributes/phone_number", _NO_REGION))
    return _channels(row, about)


def _channels(row: Any, _about: About) -> Iterable[Finding]:
    """Check that there is a channel, that the emulator plays it, and that the person can be reached by it."""
    attributes = row["attributes"]
    named = [f"{name}.{kind}" for name, kind, _ in _consents(row)]
    if not named:
        return (("/attributes/subscriptions", "At least one channel is required."),)
    unplayed = f"The emulator does not play this channel; it plays {', '.join(CONSENTS)}."
    strange = [channel.replace(".", "/") for channel in named if channel not in CONSENTS]
    if strange:
        return [(f"/attributes/subscriptions/{channel}", unplayed) for channel in strange]
    fields = {channel.partition(".")[0]: CONSENTS[channel] for channel in named}
    return [
        (f"/attributes/{field}", f"'{field}' must not be empty when the {name} channel is included in 'subscriptions'.")
        for name, field in fields.items()
        if not attributes.get(field)
    ]


def _consents(row: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield (channel, kind, parameters), such as ("email", "marketing", {...}); a null counts as not sent."""
    for name, kinds in row["attributes"]["subscriptions"].items():
        for kind, parameters in (kinds or {}).items():
            if parameters is not None:
                yield name, kind, parameters


def _consent_times(job: Any, about: About) -> Iterator[Finding]:
    """Check that a historical import, and no other, says when each consent was given."""
    historical = job["attributes"].get("historical_import") is True
    for index, row in enumerate(job["attributes"]["profiles"]["data"]):
        for name, kind, parameters in _consents(row):
            if f"{name}.{kind}" not in CHANNELS:
                continue
            problem = _time_problem(parameters.get("consented_at"), historical, about.now)
            if problem:
                place = f"/attributes/profiles/data/{index}/attributes/subscriptions"
                yield f"{place}/{name}/{kind}/consented_at", problem


def _time_problem(value: object, historical: bool, now: float) -> str:
    if not historical:
        return "'consented_at' is only allowed when 'historical_import' is true." if value is not None else ""
    if value is None:
        return "'consented_at' is required when 'historical_import' is true."
    return "" if (moment_of(value) or now) < now else "'consented_at' must be in the past."


_UPSERT = rules.all_of(rules.identified("email", "phone_number", "external_id", "_kx"), rules.sized)
_CREATE = rules.all_of(rules.phone_left_out, rules.identified("email", "phone_number", "external_id"), rules.sized)
_OF_EVENT = rules.all_of(rules.phone_left_out, rules.identified(*IDENTIFIERS), rules.sized)

#: The rules about whole objects, by schema.
OBJECTS: dict[str, Check] = {
    "ProfileUpsertQueryResourceObject": _UPSERT,
    "ProfileCreateQueryResourceObject": _CREATE,
    "ProfilePartialUpdateQueryResourceObject": rules.sized,
    "EventProfileCreateQueryResourceObject": _OF_EVENT,
    "OnsiteProfileCreateQueryResourceObject": _OF_EVENT,
    "PatchIdentifiers": rules.added_emails,
    "DataPrivacyProfileQueryResourceObject": _one_identifier,
    "EventsBulkCreateJobResourceObject": _events,
    "ProfileSubscriptionCreateQueryResourceObject": _subscription,
    "ProfileSubscriptionDeleteQueryResourceObject": _channels,
    "SubscriptionCreateJobCreateQueryResourceObject": _consent_times,
    "SuppressionCreateJobCreateQueryResourceObject": _one_target,
    "SuppressionDeleteJobCreateQueryResourceObject": _one_target,
}
_STRICT_ABOUT_PHONES = (
    "ProfileUpsertQueryResourceObject",
    "ProfilePartialUpdateQueryResourceObject",
    "ProfileSubscriptionDeleteQueryResourceObject",
    "DataPrivacyProfileQueryResourceObject",
)
_WITH_LISTS = (
    "ProfileImportJobCreateQueryResourceObject",
    "SubscriptionCreateJobCreateQueryResourceObject",
    "SubscriptionDeleteJobCreateQueryResourceObject",
    "SuppressionCreateJobCreateQueryResourceObject",
    "SuppressionDeleteJobCreateQueryResourceObject",
)
#: The rules about members, by (schema, type of the resource, name); an empty schema: all.
VALUES: dict[tuple[str, str, str], Check] = {
    ("", "profile", "email"): rules.email,
    ("", "profile", "properties"): rules.properties,
    ("", "event", "properties"): rules.event_properties,
    ("", "event", "time"): rules.event_time,
    ("", "event", "value_currency"): rules.currency,
    ("", "event", "unique_id"): rules.short,
    ("", "metric", "name"): rules.metric_name,
    ("", "metric", "service"): rules.short,
    ("", "list", "name"): rules.list_name,
    ("", "profile-bulk-import-job", "profiles"): rules.rows(10_000),
    ("", "profile-subscription-bulk-create-job", "profiles"): rules.rows(1_000),
    ("", "profile-subscription-bulk-delete-job", "profiles"): rules.rows(100),
    ("", "profile-suppression-bulk-create-job", "profiles"): rules.rows(100),
    ("", "profile-suppression-bulk-delete-job", "profiles"): rules.rows(100),
    ("", "event-bulk-create-job", "events-bulk-create"): rules.rows(MAX_EVENTS),
    ("", "event-bulk-create", "events"): rules.rows(MAX_EVENTS),
    **{(schema, "profile", "phone_number"): rules.phone for schema in _STRICT_ABOUT_PHONES},
    **{(schema, "list", "id"): _known_list for schema in _WITH_LISTS},
    **{(schema, "segment", "id"): _known_segment for schema in _WITH_LISTS},
}
