"""Overtaking: what is left of the consents of a batch once nobody is sent what they have taken back since. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from klaviyo.lookups import folded
from klaviyo.members import Field
from mappings.consent import Consent
from queues.change import Change

#: The addresses of a person for which something is to be done: `email` for e-mail, `phone_number` for SMS.
Addresses = dict[Field, str]
#: Stands where else the list does, for what is about all lists and none.
EVERYTHING: Final = ("everything",)


def remaining(changes: Sequence[Change], consents: Mapping[int, Consent]) -> dict[int, Addresses]:
    """By change, the addresses for which no newer change says otherwise; a change without any is not in it.

    Newer is by (when the person said so, arrival). A change is overtaken by one about the same address and list, and
    by an unsubscribe without a list, which is about everything. Whoever subscribes after that is unsubscribed first all
    the same, because their other lists stay left. By address and not by person: those of a family share a phone.
    """
    standing: defaultdict[tuple[Field, str], dict[object, int]] = defaultdict(dict)
    for index in sorted(consents, key=lambda i: (_said_at(changes[i], consents[i]), i)):
        about = consents[index].list_id
        everything = changes[index].body.action == "unsubscribe" and about is None
        for field, address in addresses(consents[index]).items():
            by_list = standing[field, folded(field, address)]
            if everything:
                by_list.clear()
            by_list[EVERYTHING if everything else about] = index
    left: dict[int, Addresses] = {}
    for (field, _), by_list in standing.items():
        for index in by_list.values():
            left.setdefault(index, {})[field] = addresses(consents[index])[field]
    return left


def _said_at(change: Change, consent: Consent) -> float:
    """In ms: the CDP's timestamp, or that of a consent given before it, which takes back nobody's leaving since."""
    if consent.consented_at is None:
        return change.body.at
    return min(change.body.at, datetime.fromisoformat(consent.consented_at).timestamp() * 1000)


def addresses(consent: Consent) -> Addresses:
    """Those that the consent is about."""
    found: dict[Field, str | None] = {"email": consent.email, "phone_number": consent.phone}
    return {field: address for field, address in found.items() if address is not None}
