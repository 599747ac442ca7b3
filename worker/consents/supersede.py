"""Drops the consents of a batch that newer ones of the same person supersede. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from klaviyo.lookups import Field, folded
from mappings.consent import CHANNELS, Consent
from queues.change import Change

#: The addresses of a person to subscribe or unsubscribe: `email` for e-mail, `phone_number` for SMS.
Addresses = dict[Field, str]
#: Replaces the list for a change that concerns everything.
EVERYTHING: Final = ("everything",)


def remaining(changes: Sequence[Change], consents: Mapping[int, Consent]) -> dict[int, Addresses]:
    """Return, by change, the addresses that no newer change supersedes; changes without any are left out.

    Changes are ordered by (time of the decision, arrival). A change is superseded by a newer one for the same address
    and list, and by an unsubscribe without a list, which concerns everything. Such an unsubscribe is sent even before a
    newer subscription, because it still holds for the other lists. Changes are compared by address, not by person,
    because the members of a family share a phone. A consent that was given with a list, and is sent without one, is
    superseded by an unsubscribe from that list, too.
    """
    newest: defaultdict[tuple[Field, str], dict[_Slot, int]] = defaultdict(dict)
    leaving = {index for index in consents if changes[index].body.action == "unsubscribe"}
    for index in sorted(consents, key=lambda i: (_said_at(changes[i], consents[i]), i)):
        for field, address in addresses(consents[index]).items():
            _put(newest[field, folded(field, address)], index, consents[index], leaving)
    left: dict[int, Addresses] = {}
    for (field, _), by_list in newest.items():
        for index in {slot.list_id: index for slot, index in by_list.items()}.values():
            left.setdefault(index, {})[field] = addresses(consents[index])[field]
    return left


class _Slot(NamedTuple):
    """What only the newest consent decides. `given_for`: the list that an unsubscribe has to name to take it back."""

    list_id: object
    given_for: str | None


def _put(by_list: dict[_Slot, int], index: int, consent: Consent, leaving: Collection[int]) -> None:
    """Note a consent, newer than all that are there; of equal lists the last one counts. `leaving`: unsubscribes."""
    about, leaves = consent.list_id, index in leaving
    if leaves:
        told = [slot for slot in by_list if about is None or about in slot]
        for slot in told:
            if not (consent.waiting_only and by_list[slot] in leaving):
                del by_list[slot]
    slot = _Slot(EVERYTHING if leaves and about is None else about, about if leaves else consent.given_for or about)
    if not consent.waiting_only:
        by_list.pop(slot, None)
        by_list[slot] = index


def _said_at(change: Change, consent: Consent) -> float:
    """Return the ms of the CDP's timestamp, or of the consent if earlier, so that a later unsubscribe wins."""
    if consent.consented_at is None:
        return change.body.at
    return min(change.body.at, datetime.fromisoformat(consent.consented_at).timestamp() * 1000)


def addresses(consent: Consent) -> Addresses:
    """Return the addresses in the channels of the consent."""
    both = every_address(consent)
    wanted = {CHANNELS[channel] for channel in consent.channels}
    return {field: address for field, address in both.items() if field in wanted} if wanted else both


def every_address(consent: Consent) -> Addresses:
    """Return the addresses of the consent's person, also those that it is not for."""
    found: dict[Field, str | None] = {"email": consent.email, "phone_number": consent.phone}
    return {field: address for field, address in found.items() if address is not None}
