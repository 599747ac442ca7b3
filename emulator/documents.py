"""Klaviyo's resource objects for the account, lists, profiles with their consents, events and metrics."""

from __future__ import annotations

import uuid

from emulator.consents import CLICKS, EMAIL, OPENS, SMS, SMS_TRANSACTIONAL, Consents, Grant
from emulator.events import Event, Metric
from emulator.jsonapi import Call, Json, identifier, relationships, resource
from emulator.lists import MailingList, Member
from emulator.profiles import Profile
from emulator.times import stamp

_TEXTS = (
    "email",
    "phone_number",
    "external_id",
    "anonymous_id",
    "first_name",
    "last_name",
    "organization",
    "locale",
    "title",
    "image",
)
_LOCATION = ("address1", "address2", "city", "country", "latitude", "longitude", "region", "zip", "timezone", "ip")
_INTEGRATION = {"object": "integration", "id": "0eMuL8", "key": "api", "name": "API", "category": "API"}


def account(call: Call, account_id: str) -> Json:
    """Return the only account."""
    nowhere = dict.fromkeys(("address1", "address2", "city", "region", "country", "zip"))
    attributes = {
        "test_account": call.world.test_account,
        "contact_information": {
            "default_sender_name": "Emulator",
            "default_sender_email": "sender@example.com",
            "website_url": None,
            "organization_name": "Emulator",
            "street_address": nowhere,
        },
        "industry": None,
        "timezone": "UTC",
        "preferred_currency": "USD",
        "public_api_key": account_id,
        "locale": "en-US",
    }
    return resource("account", account_id, call.query.shown("account", attributes), call.url("accounts", account_id))


def mailing_list(call: Call, item: MailingList) -> Json:
    """Return a list. Additional fields are shown beside any sparse ones (seen live, 2026)."""
    attributes = {
        "name": item.name,
        "created": stamp(item.created),
        "updated": stamp(item.updated),
        "opt_in_process": item.opt_in_process,
    }
    shown = call.query.shown("list", attributes)
    if "profile_count" in call.query.additional:
        shown["profile_count"] = len(item.members)
    url = call.url("lists", item.id)
    linked: Json = {name: [] for name in call.query.include}
    names = ("profiles", "tags", "flow-triggers")
    return {**resource("list", item.id, shown, url), "relationships": relationships(url, names, linked)}


def profile(call: Call, person: Profile, member: Member | None = None, linked: Json | None = None) -> Json:
    """Return a profile; unset values are null. `member`: its membership if read from a list, for the time of joining.

    `linked`: data of included relationships. Consents are shown for `additional-fields[profile]=subscriptions`.
    """
    attributes: Json = {name: person.attributes.get(name) for name in _TEXTS}
    attributes["last_event_date"] = None if person.last_event is None else stamp(person.last_event)
    attributes |= {"created": stamp(person.created), "updated": stamp(person.updated)}
    attributes["location"] = {name: person.location.get(name) for name in _LOCATION}
    attributes["properties"] = person.properties
    if member is not None:
        attributes["joined_group_at"] = stamp(member.joined)
    shown = call.query.shown("profile", attributes)
    if "subscriptions" in call.query.additional:
        shown["subscriptions"] = subscriptions(person, clicks=call.hints)
    if "predictive_analytics" in call.query.additional:
        shown["predictive_analytics"] = None
    url = call.url("profiles", person.id)
    names = dict.fromkeys(("lists", "segments", "push-tokens", "conversation", *(linked or ())))
    return {**resource("profile", person.id, shown, url), "relationships": relationships(url, names, linked or {})}


def subscriptions(person: Profile, *, clicks: bool = True) -> Json:
    """Return the consents by channel; the emulator plays only e-mail and SMS, the other channels are null.

    `clicks`: the revision knows consents to the tracking of clicks. Consents to tracking are left out if never given.
    """
    consents = person.consents or Consents()
    tracking = {name for name in (OPENS, *([CLICKS] if clicks else ())) if name in consents.grants}
    return {
        "email": {
            "marketing": _email(person, consents),
            **{name.partition(".")[2]: _tracking(consents.of(name)) for name in sorted(tracking)},
        },
        "sms": {
            "marketing": _sms(consents.of(SMS), "can_receive_sms_marketing"),
            "transactional": _sms(consents.of(SMS_TRANSACTIONAL), "can_receive_sms_transactional"),
        },
        "mobile_push": None,
        "whatsapp": None,
    }


def _email(person: Profile, consents: Consents) -> Json:
    """Return the e-mail consent; a person without any consent may get e-mail, a suppressed person may not."""
    grant = consents.of(EMAIL)
    return {
        "can_receive_email_marketing": bool(person.attributes.get("email")) and not consents.suppressions,
        **_consent(grant),
        "custom_method_detail": grant.source,
        "double_optin": None if grant.consent == "NEVER_SUBSCRIBED" else grant.double_opt_in,
        "suppression": [
            {"reason": reason, "timestamp": stamp(since)} for reason, since in consents.suppressions.items()
        ],
        "list_suppressions": [
            {"list_id": list_id, "reason": "UNSUBSCRIBE", "timestamp": stamp(since)}
            for list_id, since in consents.list_suppressions.items()
        ],
    }


def _sms(grant: Grant, can_receive: str) -> Json:
    return {can_receive: grant.consent == "SUBSCRIBED", **_consent(grant)}


def _tracking(grant: Grant) -> Json:
    shown = {name: value for name, value in _consent(grant).items() if not name.startswith("method")}
    allowed = {"can_receive": grant.consent == "SUBSCRIBED", "created_timestamp": shown["last_updated"]}
    return {**allowed, **shown, "metadata": None, "valid_until": None}


def _consent(grant: Grant) -> Json:
    return {
        "consent": grant.consent,
        "consent_timestamp": None if grant.since is None else stamp(grant.since),
        "last_updated": None if grant.updated is None else stamp(grant.updated),
        "method": None if grant.updated is None else "API",
        "method_detail": "",
    }


def event(call: Call, item: Event, metric: Metric) -> Json:
    """Return an event; its value, currency and unique id are among the properties (seen live, 2026)."""
    extra = {"$event_id": item.unique_id, "$value": item.value, "$value_currency": item.value_currency}
    attributes = {
        "timestamp": item.time,
        "event_properties": {**item.properties, **{name: value for name, value in extra.items() if value is not None}},
        "datetime": stamp(item.time),
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, item.id)),
    }
    url = call.url("events", item.id)
    linked = {"profile": identifier("profile", item.profile_id), "metric": identifier("metric", metric.id)}
    document = resource("event", item.id, call.query.shown("event", attributes), url)
    return {**document, "relationships": relationships(url, linked, linked)}


def metric(call: Call, item: Metric, *, linked: bool) -> Json:
    """Return a metric. `linked`: with the data of its flows, of which there are none."""
    created = stamp(item.created)
    attributes = {"name": item.name, "created": created, "updated": created, "integration": _INTEGRATION}
    url = call.url("metrics", item.id)
    document = resource("metric", item.id, call.query.shown("metric", attributes), url)
    return {
        **document,
        "relationships": relationships(url, ("flow-triggers",), {"flow-triggers": []} if linked else {}),
    }
