"""The rows of a subscribe or unsubscribe request, and the outcomes of their changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from klaviyo.errors import NotAccepted
from klaviyo.lookups import Field, by_value
from klaviyo.outcomes import HoldNeeded, Retry, RowError
from klaviyo.subscriptions import only_sms
from worker.consents.supersede import Addresses
from worker.delivery import Delivery
from worker.errors import Later
from worker.sending import Why, reject, send

#: The source of a consent passed on when a person entered an audience.
PASSED_ON: Final = "consent"
#: Seconds after which Klaviyo has carried out an accepted consent: up to three minutes, as seen live (2026). Klaviyo
#: guarantees no time and offers no job to poll.
UNDER_WAY_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """One element of a request. `wanted`: the changes that need each of the `addresses`.

    A row has one address, because Klaviyo would write a second one to the profile of the first. It has both addresses
    only when Klaviyo showed both on one profile.
    """

    addresses: Addresses
    wanted: dict[Field, list[int]]

    @property
    def parts(self) -> list[int]:
        """Return the change of each part of the row; a change for e-mail and SMS has two parts."""
        return [index for changes in self.wanted.values() for index in changes]

    def lose(self, field: Field) -> list[int]:
        """Drop an address and return the changes that needed it."""
        del self.addresses[field]
        return self.wanted.pop(field)


def rows_of(index: int, addresses: Addresses) -> list[SubscriptionRow]:
    """Return the rows of one change, one for each address."""
    return [SubscriptionRow({field: address}, {field: [index]}) for field, address in addresses.items()]


def send_rows(
    delivery: Delivery,
    rows: Sequence[SubscriptionRow],
    most: int,
    list_id: str | None,
    ask: Callable[[list[SubscriptionRow]], None],
) -> None:
    """Send rows with `ask`, at most `most` at a time; a change is noted as sent when all of its parts are sent.

    `rows` contains all parts of each change. The progress notes before the first request that something may be under
    way. Raises NotAccepted, LeaseLost.
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
    """Wait until Klaviyo has carried out what is under way. Raises Later when something is.

    The batch rests: a worker that took it up earlier, after a second ring or the end of a hold, would unsubscribe
    people who are just leaving a list from everything.
    """
    if delivery.progress.under_way:
        delivery.progress.under_way = False
        delivery.progress.stage = "confirm"
        raise Later("Klaviyo is processing the accepted consents", UNDER_WAY_S, rests=True)


def check(delivery: Delivery, list_id: str | None) -> None:
    """Raise NotAccepted when the list or the connection, and no row, is the cause of a refusal."""
    if list_id is None:
        delivery.klaviyo.account()
    else:
        delivery.klaviyo.get_list(list_id)


def members_of(delivery: Delivery, list_id: str, field: Field, concerned: Mapping[int, Addresses]) -> dict[int, str]:
    """Return the profile ids of the members, by change; an address that Klaviyo refuses fails its change only.

    Raises NotAccepted when the list or the connection is at fault.
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
    """Reject the changes when Klaviyo refuses their list. A hold would stop the changes for all other lists.

    Raises NotAccepted for every other refusal.
    """
    try:
        yield
    except NotAccepted as refusal:
        if not (isinstance(refusal.outcome, HoldNeeded) and refusal.outcome.scope == "list"):
            raise
        delivery.klaviyo.account()  # raises when Klaviyo refuses everything, as when it does not serve the revision
        left = [index for index in changes if index not in delivery.progress.ended()]
        what = "Klaviyo does not have the list; correct its id at the source of the change, or restore it and replay"
        delivery.reject_all(left, refusal.outcome.reason, {"detail": what, "error_id": refusal.outcome.error_id})
