"""A person's consents as Klaviyo shows them for `additional-fields[profile]=subscriptions`."""

from __future__ import annotations

from emulator.consents import EMAIL, SMS, SMS_TRANSACTIONAL, Consents, Grant
from emulator.jsonapi import Json
from emulator.profiles import Profile
from emulator.times import stamp


def subscriptions(person: Profile) -> Json:
    """Return the consents by channel; the emulator plays only e-mail and SMS, the other channels are null."""
    consents = person.consents or Consents()
    return {
        "email": {"marketing": _email(person, consents)},
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


def _consent(grant: Grant) -> Json:
    return {
        "consent": grant.consent,
        "consent_timestamp": None if grant.since is None else stamp(grant.since),
        "last_updated": None if grant.updated is None else stamp(grant.updated),
        "method": None if grant.updated is None else "API",
        "method_detail": "",
    }
