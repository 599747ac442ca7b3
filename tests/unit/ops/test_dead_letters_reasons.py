from __future__ import annotations

import pytest

from intake.incoming import MALFORMED, NO_IDENTITY
from mappings.errors import Reason
from mappings.segment.routed import CHANNEL_UNKNOWN, LIST_UNKNOWN
from ops.dead_letters.reasons import meaning
from worker.delivery import OF_DELIVERY

#: What these concern is left out, and the person or event goes without it: no letter has them.
LEFT_OUT = {
    Reason.VALUE_INVALID,
    Reason.CURRENCY_INVALID,
    Reason.FIELD_INVALID,
    Reason.IP_INVALID,
    Reason.LATITUDE_INVALID,
    Reason.LOCALE_INVALID,
    Reason.LONGITUDE_INVALID,
    Reason.TIMEZONE_INVALID,
    Reason.ATTRIBUTE_SHADOWED,
    Reason.ATTRIBUTE_UNNAMED,
    Reason.ATTRIBUTE_UNSUPPORTED,
}
OF_FERRY = sorted({*Reason} - LEFT_OUT | OF_DELIVERY | {MALFORMED, NO_IDENTITY, LIST_UNKNOWN, CHANNEL_UNKNOWN})


@pytest.mark.parametrize("reason", OF_FERRY)
def test_every_reason_of_ferrys_is_said_what_to_do_about(reason: str) -> None:
    assert not meaning(reason).startswith("Klaviyo's own code")
    assert meaning(reason).endswith(".")
    assert ": " in meaning(reason), "what it means, and then what to do"


@pytest.mark.parametrize("reason", ["blocked", "", "value_invalid"])
def test_any_other_reason_is_klaviyos_own(reason: str) -> None:
    assert meaning(reason).startswith("Klaviyo's own code")
