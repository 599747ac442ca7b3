"""The rows of a subscribe or unsubscribe request, and what becomes of the changes behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Bisect, Hold, Retry, RowError, Split
from klaviyo.subscriptions import refused_channel
from worker.delivery import Delivery
from worker.errors import Later
from worker.narrowing import reject
from worker.overtaking import Addresses
from worker.sending import send

#: Seconds after which Klaviyo has carried out a consent that it took: up to three minutes, as seen live (2026); it
#: gives no promise and no job to look at.
UNDER_WAY_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Row:
    """One person in a request. `changes`: those that the row carries out, or its part of them."""

    addresses: Addresses
    changes: list[int]


def send_rows(
    delivery: Delivery, rows: Sequence[Row], most: int, list_id: str | None, ask: Callable[[list[Row]], None]
) -> None:
    """`ask` Klaviyo for `most` rows at a time; a change is sent, and noted as such, when all of its rows are.

    Before the first request it is noted that something may be under way. Raises NotAccepted, LeaseLost.
    """
    unsent = Counter(index for row in rows for index in row.changes)

    def request(portion: list[int]) -> None:
        _set_out(delivery, lambda: ask([rows[number] for number in portion]))
        unsent.subtract(index for number in portion for index in rows[number].changes)
        delivery.progress.sent.update(index for index, left in unsent.items() if left == 0)
        delivery.note()

    portions = [range(len(rows))[start : start + most] for start in range(0, len(rows), most)]
    refuse = partial(_refused, delivery, rows)
    send(delivery, portions, request, lambda: check(delivery, list_id), refuse)


def _set_out(delivery: Delivery, ask: Callable[[], None]) -> None:
    before = delivery.progress.under_way
    if not before:
        delivery.progress.under_way = True
        delivery.note()
    try:
        ask()
    except NotAccepted as refusal:
        may_be = isinstance(refusal.outcome, Retry) and not refusal.outcome.untouched
        delivery.progress.under_way = before or may_be
        raise


def let_it_arrive(delivery: Delivery) -> None:
    """Give Klaviyo the time to carry out what is under way. Raises Later when something is."""
    if delivery.progress.under_way:
        delivery.progress.under_way = False
        delivery.progress.stage = "confirm"
        raise Later("Klaviyo carries out the consents that it took", UNDER_WAY_S)


def check(delivery: Delivery, list_id: str | None) -> None:
    """Raise NotAccepted where nobody in a refused request is at fault, but the list or the connection."""
    if list_id is None:
        delivery.klaviyo.account()
    else:
        delivery.klaviyo.get_list(list_id)


@contextmanager
def list_may_be_gone(delivery: Delivery, changes: Sequence[int]) -> Iterator[None]:
    """Reject the changes when Klaviyo refuses their list. Holding the queue would stop those about all other lists.

    Raises NotAccepted for every other refusal.
    """
    try:
        yield
    except NotAccepted as refusal:
        if not (isinstance(refusal.outcome, Hold) and refusal.outcome.scope == "list"):
            raise
        delivery.klaviyo.account()  # raises where Klaviyo refuses everything, as at a revision it does not serve
        left = [index for index in changes if index not in delivery.progress.sent | delivery.progress.rejected.keys()]
        what = "Klaviyo does not have the list; correct its id where the change comes from, or restore it and replay"
        delivery.reject_all(left, refusal.outcome.reason, {"detail": what, "error_id": refusal.outcome.error_id})


def _refused(delivery: Delivery, rows: Sequence[Row], number: int, why: Sequence[RowError | Bisect | Split]) -> bool:
    """Whether the row goes again: without its phone, where Klaviyo refuses nothing else and there is an e-mail."""
    row = rows[number]
    if len(row.addresses) > 1 and all(isinstance(error, RowError) and refused_channel(error) == "sms" for error in why):
        del row.addresses["phone_number"]
        for index in row.changes:
            delivery.warn(index, "sms_refused")
        return True
    for index in row.changes:
        reject(delivery, index, why)
    return False
