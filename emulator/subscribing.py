"""Carries out subscriptions and unsubscriptions."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from emulator.clashes import People
from emulator.consents import CHANNELS, CONSENTS, EMAIL, Grant, Wish
from emulator.journal import Journal, Trap
from emulator.lists import DOUBLE_OPT_IN, Lists
from emulator.profiles import ClashError, Profile, Profiles, UnknownProfileError
from emulator.times import epoch
from emulator.work import Row, Subscription, Unsubscription

log = logging.getLogger(__name__)


def subscribe(order: Subscription, people: People, now: float) -> None:
    """Subscribe every row at once, or leave it pending if the list, or without one the account, has double opt-in.

    Without a list and not historical, a subscription creates no profile (seen live, 2026).
    """
    lists = people.lists
    target = lists.by_id.get(order.list_id or "")
    opt_in = target.opt_in_process if target else lists.default_opt_in
    for row in order.rows:
        makes_profiles = order.list_id is not None or order.historical
        person = _person(row, people, now, makes_profiles=makes_profiles)
        if person is None:
            continue
        wish = Wish(row, order.list_id, order.source)
        if opt_in == DOUBLE_OPT_IN and not order.historical:
            person.consent().pending.append(wish)
        else:
            _fulfil(wish, person, lists, order.created, now)


def confirm(person: Profile, lists: Lists, now: float) -> int:
    """Confirm all pending subscriptions of the person; return their number."""
    consents = person.consent()
    wishes, consents.pending = consents.pending, []
    for wish in wishes:
        _fulfil(wish, person, lists, now, now, double_opt_in=True)
    return len(wishes)


def _person(row: Row, people: People, now: float, *, makes_profiles: bool) -> Profile | None:
    """Return the person of the row, with its identifiers stored; None if there is none (Klaviyo does not say so)."""
    named = {name: row["attributes"].get(name) for name in ("email", "phone_number")}
    known = row.get("id") or any(people.profiles.find(field, value) for field, value in named.items() if value)
    if not known and not makes_profiles:
        return None
    try:
        return people.upsert({"id": row.get("id"), "attributes": named}, now, clear_nulls=False)[0]
    except (ClashError, UnknownProfileError) as error:
        log.warning("a subscription names no known person or two people (%s); skipping the row", type(error).__name__)
        return None


def _fulfil(
    wish: Wish, person: Profile, lists: Lists, asked: float, now: float, *, double_opt_in: bool = False
) -> None:
    consents = person.consent()
    for channel, consented_at in _channels(wish.row):
        since = asked if consented_at is None else epoch(consented_at)
        consents.grant(channel, Grant("SUBSCRIBED", since, now, wish.source, double_opt_in))
    if wish.list_id in lists.by_id:
        lists.join(lists.by_id[wish.list_id], [person.id], now)
        consents.list_suppressions.pop(wish.list_id, None)


def _channels(row: Row) -> Iterator[tuple[str, str | None]]:
    """Yield (channel, time of the consent) of a checked row."""
    for name, kinds in row["attributes"]["subscriptions"].items():
        for kind, parameters in (kinds or {}).items():
            if parameters is not None:
                yield f"{name}.{kind}", parameters.get("consented_at")


def unsubscribe(order: Unsubscription, profiles: Profiles, lists: Lists, journal: Journal, now: float) -> None:
    """Unsubscribe every row: members of the list from the list, all others from everything.

    The second case is Klaviyo's trap, so it is recorded if a list was named. Unknown people are ignored. A consent to
    tracking is taken to be the person's, whatever the list; Klaviyo's document does not say.
    """
    for row in order.rows:
        for person, consents in _unsubscribed(row, profiles):
            channels = [each for each in consents if each in CHANNELS]
            left = bool(channels) and order.list_id is not None and _leave(order.list_id, person, channels, lists, now)
            for each in consents:
                if not (left and each in CHANNELS):
                    person.consent().revoke(each, now)
            if channels and order.list_id is not None and not left:
                journal.note_trap(Trap(now, person.id, order.list_id, tuple(channels)))


def _unsubscribed(row: Row, profiles: Profiles) -> list[tuple[Profile, list[str]]]:
    """Return each person with the channels to unsubscribe; address and number may belong to two people."""
    attributes = row["attributes"]
    found: dict[str, tuple[Profile, list[str]]] = {}
    for channel, _ in _channels(row):
        field = CONSENTS[channel]
        person = profiles.find(field, attributes[field])
        if person is not None:
            found.setdefault(person.id, (person, []))[1].append(channel)
    return list(found.values())


def _leave(list_id: str, person: Profile, channels: list[str], lists: Lists, now: float) -> bool:
    """Remove a member from the list and keep all other consents; return False if the person is not on it."""
    target = lists.by_id.get(list_id)
    if target is None or person.id not in target.members:
        return False
    lists.leave(target, [person.id])
    if EMAIL in channels:
        person.consent().list_suppressions[list_id] = now
    return True
