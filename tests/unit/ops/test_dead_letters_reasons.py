from __future__ import annotations

import pytest

from intake.incoming import MALFORMED, NO_IDENTITY
from mappings.errors import Reason
from mappings.segment.routed import CHANNEL_UNKNOWN, LIST_UNKNOWN
from ops.dead_letters.reasons import meaning, remedy
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


@pytest.mark.parametrize(
    ("reason", "fix_in", "replay"),
    [
        ("email_invalid", "CDP", "never"),
        ("malformed", "Sender", "never"),
        ("phone_invalid", "CDP or settings", "later"),
        ("identity_clash", "Klaviyo", "later"),
        ("erasure_needs_a_look", "Klaviyo", "never"),
        ("import_unconfirmed", "", "now"),
        ("blocked", "CDP or Klaviyo", "later"),
    ],
)
def test_a_reason_says_where_it_is_corrected_and_whether_a_replay_helps(reason: str, fix_in: str, replay: str) -> None:
    found = remedy(reason)
    assert (found.fix_in, found.replay) == (fix_in, replay)
    assert found.what_to_do[0].isupper()
