"""Remembers the consent in a batch of mParticle's events; the events themselves are not forwarded."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from redis.asyncio import Redis

from configuration.connections import Connection
from intake.http.faults import UNREADABLE
from intake.mparticle.identities import check_identities, consent_keys
from intake.mparticle.membership import SOURCE
from intake.mparticle.messages import Events
from mappings import consent_state
from mappings.consent_state import State
from mappings.values import clamp
from queues import metrics
from queues.people import consents

_anything = msgspec.json.Decoder()
#: The Firehose's notification types with decisions; the field `new_<type>` has the decision.
_NOTIFIED = ("gdpr_consent_state", "ccpa_consent_state")


async def remember(redis: Redis, message: Events, account_id: int | None, connection: Connection, now: int) -> bool:
    """Remember the consent; return whether there was one for a known person. Raises Unavailable. `now`: see `read`."""
    persons, decisions = read(message, account_id, connection, now)
    if decisions:
        await consents.remember(redis, connection.name, persons, decisions)
        if clamp(message.timestamp_ms, now)[1]:
            await metrics.count_async(redis, {(metrics.CLAMPED, connection.name, SOURCE): 1})
    return bool(decisions)


def read(message: Events, account_id: int | None, connection: Connection, now: int) -> tuple[tuple[str, ...], State]:
    """Return the person's keys and decisions; both are empty when no person can be identified.

    What cannot be read counts as no decision. `now`: ms; the latest time of a decision, and the time of one without any
    time. Raises TooMuch.
    """
    check_identities(message.user_identities, "$.user_identities")
    persons = consent_keys(account_id, message.mpid, message.user_identities, connection)
    if not persons:
        return (), {}
    at, _ = clamp(message.timestamp_ms, now)
    states = [consent_state.read(_decoded(message.consent_state), at, now)]
    states += [consent_state.read(state, at, now) for state in _notified(_decoded(message.system_notifications))]
    return persons, consent_state.merge(states)


def _notified(notifications: object) -> Iterator[object]:
    for notification in notifications if isinstance(notifications, list) else ():
        if not isinstance(notification, dict):
            continue
        kind, purpose = notification.get("type"), notification.get("purpose")
        if kind in _NOTIFIED and isinstance(purpose, str):
            yield {kind: {purpose: notification.get(f"new_{kind}")}}


def _decoded(raw: msgspec.Raw) -> object:
    try:
        return _anything.decode(raw) if bytes(raw) else None
    except UNREADABLE:
        return None
