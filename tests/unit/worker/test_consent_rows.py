"""What becomes of the changes behind the rows of a request when Klaviyo refuses a phone."""

from __future__ import annotations

from typing import Any, cast

import pytest

from klaviyo.endpoints import SUBSCRIBE
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import RowError, Rows
from queues.batches import Batch
from queues.names import Queue
from tests.support.without_ledger import WithoutLedger
from worker.consents.rows import SubscriptionRow, send_rows
from worker.delivery import Delivery

EMAIL, PHONE = "a@example.com", "+447400123456"
SMS_REFUSED = RowError(0, "invalid", "", "/data/attributes/profiles/data/0/attributes/phone_number", "e-1")


def sent(rows: list[SubscriptionRow]) -> Delivery:
    """After these rows were sent, one request each, to a Klaviyo that takes no phone."""
    batch = Batch("00-x", Queue("default", "consent", "consents"), 1, "size", 0, 0, 0, b"", list)
    delivery = WithoutLedger(cast(Any, None), batch, cast(Any, None), cast(Any, None))

    def ask(portion: list[SubscriptionRow]) -> None:
        if "phone_number" in portion[0].addresses:
            raise NotAccepted(SUBSCRIBE.name, Rows((SMS_REFUSED,)))

    send_rows(delivery, rows, 1, None, ask)
    return delivery


@pytest.mark.parametrize(
    "rows",
    [
        [SubscriptionRow({"email": EMAIL, "phone_number": PHONE}, {"email": [0], "phone_number": [0]})],
        [
            SubscriptionRow({"email": EMAIL}, {"email": [0]}),
            SubscriptionRow({"phone_number": PHONE}, {"phone_number": [0]}),
        ],
        [
            SubscriptionRow({"phone_number": PHONE}, {"phone_number": [0]}),
            SubscriptionRow({"email": EMAIL}, {"email": [0]}),
        ],
    ],
)
def test_a_consent_by_both_channels_goes_without_sms_in_however_many_rows(rows: list[SubscriptionRow]) -> None:
    progress = sent(rows).progress
    assert (progress.sent, progress.rejected, progress.warnings) == ({0}, {}, {0: ("sms_refused",)})


def test_of_two_consents_in_one_row_the_one_by_sms_is_not_told_as_delivered() -> None:
    progress = sent(
        [SubscriptionRow({"email": EMAIL, "phone_number": PHONE}, {"email": [0], "phone_number": [1]})]
    ).progress
    assert (progress.sent, set(progress.rejected), progress.warnings) == ({0}, {1}, {})


def test_a_consent_by_sms_alone_is_rejected() -> None:
    progress = sent([SubscriptionRow({"phone_number": PHONE}, {"phone_number": [0]})]).progress
    assert (progress.sent, set(progress.rejected)) == (set(), {0})
