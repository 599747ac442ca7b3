"""The reason codes for a person or a field that cannot be sent to Klaviyo, and the errors that carry them."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The reason codes of dead letters (the person is rejected) and warnings (the person is sent without the field).

    Codes are stored with dead letters and counted in metrics, so they never change their meaning.
    """

    FRAGMENT_UNREADABLE = "fragment_unreadable"
    SOURCE_UNKNOWN = "source_unknown"
    NO_EMAIL = "no_email"
    NO_IDENTIFIER = "no_identifier"
    IDENTIFIER_BLOCKED = "identifier_blocked"
    EMAIL_HASHED = "email_hashed"
    EMAIL_INVALID = "email_invalid"
    PHONE_HASHED = "phone_hashed"
    PHONE_INVALID = "phone_invalid"
    EXTERNAL_ID_HASHED = "external_id_hashed"
    EXTERNAL_ID_INVALID = "external_id_invalid"
    EXTERNAL_ID_TOO_LONG = "external_id_too_long"
    ANONYMOUS_ID_INVALID = "anonymous_id_invalid"
    METRIC_MISSING = "metric_missing"
    METRIC_TOO_LONG = "metric_too_long"
    PROPERTIES_INVALID = "properties_invalid"
    PROPERTIES_TOO_MANY = "properties_too_many"
    TIME_INVALID = "time_invalid"
    UNIQUE_ID_INVALID = "unique_id_invalid"
    VALUE_INVALID = "value_invalid"
    CURRENCY_INVALID = "currency_invalid"
    FIELD_INVALID = "field_invalid"
    IP_INVALID = "ip_invalid"
    LATITUDE_INVALID = "latitude_invalid"
    LOCALE_INVALID = "locale_invalid"
    LONGITUDE_INVALID = "longitude_invalid"
    TIMEZONE_INVALID = "timezone_invalid"
    ATTRIBUTE_SHADOWED = "attribute_shadowed"
    ATTRIBUTE_TOO_LARGE = "attribute_too_large"
    ATTRIBUTE_UNNAMED = "attribute_unnamed"
    ATTRIBUTE_UNSUPPORTED = "attribute_unsupported"


class Rejected(Exception):
    """The person cannot be sent to Klaviyo at all; the change becomes a dead letter with this reason.

    `field` is the Klaviyo field at fault, or None. `detail` names the problem and the remedy; it never contains a
    value of the person, because it is logged and shown.
    """

    def __init__(self, reason: Reason, field: str | None, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.field = field
        self.detail = detail


class Unfit(Exception):
    """One value cannot be sent to Klaviyo; the person is sent without it, and `reason` becomes a warning."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason
