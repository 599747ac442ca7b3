"""Consent given and withdrawn (Klaviyo: collect e-mail and SMS consent guide).

Klaviyo answers with 202 and nothing else: there is no job to poll.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from klaviyo.calls import Caller, checked_rows, send_rows
from klaviyo.endpoints import PROFILES, SUBSCRIBE, UNSUBSCRIBE
from klaviyo.lookups import Attributes, Field, folded, look_up
from klaviyo.marketing import Marketing
from klaviyo.outcomes import RowError

#: The most rows in one request (Klaviyo: bulk subscribe profiles, bulk unsubscribe profiles).
MAX_SUBSCRIBED = 1_000
MAX_UNSUBSCRIBED = 100
_SMS_POINTER = re.compile(r"/data/[0-9]+/attributes/(?:phone_number|subscriptions/sms)(?:/|$)")
#: Replaces the time of a departure when Klaviyo does not give it: later than any consent.
_SOME_TIME = datetime.max.replace(tzinfo=UTC)


def subscribe(
    call: Caller, rows: Sequence[bytes], list_id: str | None, custom_source: str | None, *, historical: bool
) -> None:
    """Subscribe the people of `rows`, made by `subscription`, and put them on the list if one is given.

    `custom_source`: what Klaviyo records as the source of the consent. `historical`: the consent was given earlier, so
    Klaviyo sends no opt-in message and starts no flow; every row must then have a `consented_at`, otherwise none may.
    Without a list and not historical, Klaviyo creates no profile for an unknown person. Raises ValueError for no rows
    or more than Klaviyo takes, and NotAccepted; `only_sms` says whether a refused row may be sent without its phone.
    """
    attributes: dict[str, Any] = {"historical_import": historical}
    if custom_source is not None:
        attributes["custom_source"] = custom_source
    body = _encode("profile-subscription-bulk-create-job", attributes, rows, list_id)
    send_rows(call, SUBSCRIBE, checked_rows(body, len(rows), MAX_SUBSCRIBED), len(rows))


def unsubscribe(call: Caller, rows: Sequence[bytes], list_id: str | None) -> None:
    """Unsubscribe the people of `rows`, made by `unsubscription`, from the list, or from everything without a list.

    Klaviyo unsubscribes people who are not on the list from everything: send only people whom `find_members` finds.
    Raises ValueError for no rows or more than Klaviyo takes, and NotAccepted.
    """
    body = _encode("profile-subscription-bulk-delete-job", {}, rows, list_id)
    send_rows(call, UNSUBSCRIBE, checked_rows(body, len(rows), MAX_UNSUBSCRIBED), len(rows))


def subscription(email: str | None, phone: str | None, consented_at: str | None) -> bytes:
    """Return the row of a person who consents to marketing by e-mail, SMS or both, as given.

    `consented_at`: ISO time in the past, for historical consent only.
    """
    consent = {"consent": "SUBSCRIBED"}
    if consented_at is not None:
        consent["consented_at"] = consented_at
    return _row(email, phone, {"marketing": consent}, {"marketing": consent})


def unsubscription(email: str | None, phone: str | None) -> bytes:
    """Return the row of a person who withdraws consent by e-mail, SMS or both, as given.

    For SMS it withdraws both marketing and transactional consent: who wants no messages wants none about orders either.
    """
    consent = {"consent": "UNSUBSCRIBED"}
    return _row(email, phone, {"marketing": consent}, {"marketing": consent, "transactional": consent})


def only_sms(error: RowError) -> bool:
    """Whether the error is only about the phone of its row.

    For example, Klaviyo refuses a phone of a region for which the account has no sending number.
    """
    return _SMS_POINTER.search(error.pointer) is not None


def _row(email: str | None, phone: str | None, by_email: dict[str, Any], by_sms: dict[str, Any]) -> bytes:
    attributes: dict[str, Any] = {"subscriptions": {}}
    if email is not None:
        attributes["email"] = email
        attributes["subscriptions"]["email"] = by_email
    if phone is not None:
        attributes["phone_number"] = phone
        attributes["subscriptions"]["sms"] = by_sms
    return msgspec.json.encode({"type": "profile", "attributes": attributes})


def _encode(kind: str, attributes: dict[str, Any], rows: Sequence[bytes], list_id: str | None) -> bytes:
    """Return the request's body with the encoded rows. Unlike an import it names one list, beside the attributes."""
    data = {"type": kind, "attributes": {**attributes, "profiles": {"data": [msgspec.Raw(row) for row in rows]}}}
    if list_id is not None:
        data["relationships"] = {"list": {"data": {"type": "list", "id": list_id}}}
    return msgspec.json.encode({"data": data})


def departures(call: Caller, field: Field, values: Sequence[str], list_id: str | None) -> dict[str, datetime]:
    """Return when people last left the field's channel or the list, by those of `values` who did.

    People have left when they unsubscribed, are suppressed or complained. Raises NotAccepted.
    """
    found: dict[str, datetime] = {}
    fields = {"additional-fields[profile]": "subscriptions", "fields[profile]": f"{field},subscriptions"}
    for profile in look_up(call, PROFILES, "", field, values, fields):
        value, moments = _departure(profile.attributes, field, list_id)
        if moments:
            found[value] = max(moment or _SOME_TIME for moment in moments)
    return {value: found[key] for value in values if (key := folded(field, value)) in found}


def _departure(attributes: Attributes, field: Field, list_id: str | None) -> tuple[str, list[datetime | None]]:
    value = attributes.email if field == "email" else attributes.phone_number
    marketing = attributes.marketing("email" if field == "email" else "sms")
    return folded(field, value or ""), _left(marketing, list_id)


def _left(marketing: Marketing, list_id: str | None) -> list[datetime | None]:
    """Return when the person left the channel or this list."""
    moments = [each.timestamp for each in marketing.suppression or ()]
    moments += [each.timestamp for each in marketing.list_suppressions or () if each.list_id == list_id]
    if marketing.consent == "UNSUBSCRIBED":
        moments.append(marketing.consent_timestamp or marketing.last_updated)
    return moments
