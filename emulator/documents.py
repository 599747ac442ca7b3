"""Klaviyo's resource objects for profiles, lists and the account."""

from __future__ import annotations

from falcon.asgi import Request

from emulator.document_consents import subscriptions
from emulator.fields import LOCATION
from emulator.jsonapi import Json, relation, resource, url_of
from emulator.lists import MailingList, Member
from emulator.profiles import Profile
from emulator.query import additional_fields, fields
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


def profile(req: Request, person: Profile, member: Member | None = None) -> Json:
    """Return a profile; unset values are null. `member`: its membership if read from a list, for the time of joining.

    Consents are included for `additional-fields[profile]=subscriptions`.
    """
    attributes: Json = {name: person.attributes.get(name) for name in _TEXTS}
    attributes["last_event_date"] = None if person.last_event is None else stamp(person.last_event)
    attributes |= {"created": stamp(person.created), "updated": stamp(person.updated)}
    attributes["location"] = {name: person.location.get(name) for name in LOCATION}
    attributes["properties"] = person.properties
    if "subscriptions" in additional_fields(req, "profile", ("subscriptions",)):
        attributes["subscriptions"] = subscriptions(person)
    if member is not None:
        attributes["joined_group_at"] = stamp(member.joined)
    url = url_of(req, "profiles", person.id)
    document = resource("profile", person.id, attributes, url, fields(req, "profile"))
    names = ("lists", "segments", "push-tokens", "conversation")
    document["relationships"] = {name: relation(url, name) for name in names}
    return document


def mailing_list(req: Request, item: MailingList) -> Json:
    """Return a list."""
    attributes = {
        "name": item.name,
        "created": stamp(item.created),
        "updated": stamp(item.updated),
        "opt_in_process": item.opt_in_process,
    }
    url = url_of(req, "lists", item.id)
    document = resource("list", item.id, attributes, url, fields(req, "list"))
    document["relationships"] = {name: relation(url, name) for name in ("profiles", "tags", "flow-triggers")}
    return document


def account(req: Request, account_id: str, *, test: bool) -> Json:
    """Return the only account."""
    nowhere = dict.fromkeys(("address1", "address2", "city", "region", "country", "zip"))
    attributes = {
        "test_account": test,
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
    return resource("account", account_id, attributes, url_of(req, "accounts", account_id), fields(req, "account"))
