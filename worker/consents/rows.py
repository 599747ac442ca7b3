"""The rows of a subscribe or unsubscribe request, and what becomes of the changes behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from klaviyo.errors import NotAccepted
from klaviyo.lookups import by_value
from klaviyo.members import Field
from klaviyo.outcomes import HoldNeeded, Retry, RowError
from klaviyo.subscriptions import only_sms
from worker.consents.supersede import Addresses
from worker.delivery import Delivery
from worker.errors import Later
from worker.sending import Why, reject, send

#: The source of a consent that was passed on when a person entered an audience.
PASSED_ON: Final = "consent"
#: Seconds after which Klaviyo has carried out a consent that it took: up to three minutes, as seen live (2026); it
#: gives no promise and no job to look at.
UNDER_WAY_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """One element of a request. `wanted`: the changes that each of the `addresses` is there for.

    It has one address, for Klaviyo writes a second one to the profile that the first one finds; both only where Klaviyo
    showed them on one profile.
    """

    addresses: Addresses
    wanted: dict[Field, list[int]]

    @property
    def parts(self) -> list[int]:
        """The change of each part of the row: one that is about e-mail and SMS has two."""
        return [index for changes in self.wanted.values() for index in changes]

    def lose(self, field: Field) -> list[int]:
        """Go without an address; the changes that wanted it."""
        del self.addresses[field]
        return self.wanted.pop(field)


def rows_of(index: int, addresses: Addresses) -> list[SubscriptionRow]:
    """The rows of one change, one for each address."""
    return [SubscriptionRow({field: address}, {field: [index]}) for field, address in addresses.items()]


def send_rows(
    delivery: Delivery,
    rows: Sequence[SubscriptionRow],
    most: int,
    list_id: str | None,
    ask: Callable[[list[SubscriptionRow]], None],
) -> None:
    """`ask` Klaviyo for `most` rows at a time; a change is sent, and noted as such, when all of its parts are.

    `rows`: with all parts of each change. Before the first request it is noted that something may be under way. Raises
    NotAccepted, LeaseLost.
    """
    unsent = Counter(index for row in rows for index in row.parts)
    with_both = {index for index, parts in unsent.items() if parts > 1}

    def done(parts: list[int]) -> None:
        unsent.subtract(parts)
        delivery.progress.sent.update(index for index in parts if unsent[index] == 0)

    def request(portion: list[int]) -> None:
        _set_out(delivery, lambda: ask([rows[number] for number in portion]))
        done([index for number in portion for index in rows[number].parts])
        delivery.note()

    def refuse(number: int, why: Why) -> bool:
        row = rows[number]
        if "phone_number" not in row.addresses or not _about_sms(why):
            for index in row.parts:
                reject(delivery, index, why)
            return False
        for index in row.lose("phone_number"):
            if index in with_both:
                delivery.warn(index, "sms_refused")
                done([index])
            else:
                reject(delivery, index, why)
        return bool(row.addresses)

    portions = [range(len(rows))[start : start + most] for start in range(0, len(rows), most)]
    send(delivery, portions, request, lambda: check(delivery, list_id), refuse)


def _about_sms(why: Why) -> bool:
    return all(isinstance(error, RowError) and only_sms(error) for error in why)


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
    """Give Klaviyo the time to carry out what is under way. Raises Later when something is.

    The batch rests: who is rung for it twice, or at the end of a hold, would unsubscribe from everything whoever is
    just leaving a list.
    """
    if delivery.progress.under_way:
        delivery.progress.under_way = False
        delivery.progress.stage = "confirm"
        raise Later("Klaviyo carries out the consents that it took", UNDER_WAY_S, rests=True)


def check(delivery: Delivery, list_id: str | None) -> None:
    """Raise NotAccepted where nobody in a refused request is at fault, but the list or the connection."""
    if list_id is None:
        delivery.klaviyo.account()
    else:
        delivery.klaviyo.get_list(list_id)


def members_of(delivery: Delivery, list_id: str, field: Field, concerned: Mapping[int, Addresses]) -> dict[int, str]:
    """Profile ids of the members, by change; an address that Klaviyo does not look up costs its change only.

    Raises NotAccepted where the list or the connection is at fault.
    """
    found: dict[int, str] = {}

    def ask(portion: list[int]) -> None:
        values = {index: concerned[index][field] for index in portion}
        members = delivery.klaviyo.find_members(list_id, field, list(values.values()))
        listed = by_value(members, field, values.values())
        found.update((index, listed[value].id) for index, value in values.items() if value in listed)

    asked = [index for index, addresses in concerned.items() if field in addresses]
    send(delivery, [asked] if asked else [], ask, lambda: check(delivery, list_id))
    return found


@contextmanager
def list_may_be_gone(delivery: Delivery, changes: Sequence[int]) -> Iterator[None]:
    """Reject the changes when Klaviyo refuses their list. Holding the queue would stop those about all other lists.

    Raises NotAccepted for every other refusal.
    """
    try:
        yield
    except NotAccepted as refusal:
        if not (isinstance(refusal.outcome, HoldNeeded) and refusal.outcome.scope == "list"):
            raise
        delivery.klaviyo.account()  # raises where Klaviyo refuses everything, as at a revision it does not serve
        left = [index for index in changes if index not in delivery.progress.ended()]
        what = "Klaviyo does not have the list; correct its id where the change comes from, or restore it and replay"
        delivery.reject_all(left, refusal.outcome.reason, {"detail": what, "error_id": refusal.outcome.error_id})
