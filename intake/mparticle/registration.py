"""Ferry's description of itself for mParticle to import (mParticle: Firehose, module registration)."""

from __future__ import annotations

from typing import Any, Final

from intake.mparticle.messages import FIREHOSE_VERSION, RegistrationResponse
from intake.mparticle.settings import ACCOUNT, AUDIENCE

#: The version of this registration; raise it with every change of the settings or permissions.
VERSION: Final = "1.0"
_DESCRIPTION: Final = (
    "Keeps Klaviyo lists equal to your audiences. Changes are kept in a durable queue and sent in bulk. "
    "The operator of Ferry sees the pending, delivered and rejected changes."
)
_IDENTITIES: Final = (
    "customer",
    "other",
    *(f"other{number}" for number in range(2, 11)),
    "mobile_number",
    "phone_number_2",
    "phone_number_3",
)
_ENVIRONMENTS: Final = (
    *("android", "ios", "tvos", "mobileweb", "roku", "xbox", "firetv", "alexa", "smarttv", "unknown"),
)


def registration() -> RegistrationResponse:
    """Return the answer to a registration request."""
    return RegistrationResponse(
        name="Ferry for Klaviyo",
        description=_DESCRIPTION,
        version=VERSION,
        sdk_version=FIREHOSE_VERSION,
        permissions=_permissions(),
        event_processing_registration=_events(),
        audience_processing_registration=_audiences(),
        dsr_processing_registration={"account_settings": list(ACCOUNT), "supported_dsr_types": ["erasure"]},
    )


def _permissions() -> dict[str, Any]:
    # Raw, because Klaviyo takes no hash. Required, because Klaviyo identifies people by e-mail: mParticle then sends
    # only people with an e-mail, as its own Klaviyo integration does.
    identities: list[dict[str, Any]] = [{"type": "email", "encoding": "raw", "required": True}]
    identities += [{"type": name, "encoding": "raw", "required": False} for name in _IDENTITIES]
    return {
        "user_identities": identities,
        "allow_audience_user_attributes": True,
        "allow_access_mpid": True,
        "allow_consent_state": True,
    }


def _events() -> dict[str, Any]:
    return {
        "account_settings": list(ACCOUNT),
        # Ferry reads only the consent in a batch. Sessions are the smallest set of events that everybody has.
        "supported_event_types": ["session_start", "session_end"],
        "supported_runtime_environments": list(_ENVIRONMENTS),
        "supported_system_notification_types": ["gdpr_consent_state", "ccpa_consent_state"],
        "max_data_age_hours": 24,
    }


def _audiences() -> dict[str, Any]:
    return {
        "account_settings": list(ACCOUNT),
        "audience_subscription_settings": list(AUDIENCE),
        # mParticle's wait adds to Ferry's own. One minute still joins the changes of a burst into few requests. Ferry's
        # queues do the waiting for 100 changes or 16 hours.
        "bulk_configuration": {"bulk_forward_wait_for_messages": 100, "bulk_forward_wait_in_minutes": 1},
    }
