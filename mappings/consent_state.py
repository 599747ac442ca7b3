"""Reads a person's consent state in a CDP and maps it to Klaviyo's channels (mParticle: data privacy)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from mappings.account_settings import Channel

#: The one purpose of CCPA. Its meaning is reversed: consent means that the person opted out of the sale of their data.
SALE_OPT_OUT: Final = "data_sale_opt_out"
#: The names in the Firehose and in the Events API.
REGULATIONS: Final = ("gdpr_consent_state", "gdpr", "ccpa_consent_state", "ccpa")
#: More purposes, and a longer name, than any workspace has.
_MOST: Final = 100
_LONGEST: Final = 256
#: ms; the ledger stores 13 digits (until the year 2286).
_LATEST: Final = 10**13
#: ms at the start of 2015: no refusal is older; an earlier time is usually in seconds instead of ms.
_FIRST_REFUSAL: Final = 1_420_070_400_000


class Decision(NamedTuple):
    """Whether a person agrees to a purpose, and since when (ms)."""

    agrees: bool
    at: int


State = dict[str, Decision]


def read(state: object, at: int, now: int) -> State:
    """Return the decisions by purpose (lower case) in `{"gdpr_consent_state": {purpose: {"consented",
    "timestamp_unixtime_ms"}}, "ccpa_consent_state": ...}`, or with the names `gdpr` and `ccpa`.

    `at`: the ms used when a decision has no time. `now`: the ms of its arrival. A decision dated later (a wrong device
    clock) counts from `now`; otherwise it would override everything decided before its date. An old decision keeps its
    date, unlike a change (`values.clamp`): counted as new, it would subscribe people who have unsubscribed since. A
    refusal dated before 2015 (usually seconds instead of ms) counts from `at`; otherwise an older agreement would
    override it. Unreadable entries are ignored and are not a consent.
    """
    found: State = {}
    for regulation in REGULATIONS:
        purposes = state.get(regulation) if isinstance(state, Mapping) else None
        for purpose, record in list(purposes.items())[:_MOST] if isinstance(purposes, Mapping) else ():
            if isinstance(purpose, str) and len(purpose) <= _LONGEST and (decision := _decision(record, at, now)):
                name = purpose.strip().lower()
                found[name] = _newer(found.get(name), _dated(_turned(name, decision), at, now))
    return found


def merge(states: Iterable[State]) -> State:
    """Return the newest decision for each purpose; of two at the same time, the later one in `states`."""
    merged: State = {}
    for state in states:
        for purpose, decision in state.items():
            merged[purpose] = _newer(merged.get(purpose), decision)
    return merged


def by_channel(state: State, mapping: Mapping[str, Channel]) -> dict[Channel, Decision]:
    """Return the decision for each channel: agreed if the person agreed to all of its known purposes.

    Its time is that of the newest agreement, or of the oldest refusal.
    """
    grouped: dict[Channel, list[Decision]] = {}
    for purpose, channel in mapping.items():
        if purpose in state:
            grouped.setdefault(channel, []).append(state[purpose])
    return {channel: _together(decisions) for channel, decisions in grouped.items()}


def _together(decisions: list[Decision]) -> Decision:
    refused = [decision for decision in decisions if not decision.agrees]
    return min(refused, key=lambda d: d.at) if refused else max(decisions, key=lambda d: d.at)


def _decision(record: Any, at: int, now: int) -> Decision | None:
    match record:
        case {"consented": bool(agrees), "timestamp_unixtime_ms": int(time)} if (
            not isinstance(time, bool) and 0 <= time < _LATEST
        ):
            return Decision(agrees, min(time, now))
        case {"consented": bool(agrees)}:
            return Decision(agrees, min(at, now))
    return None


def _dated(decision: Decision, at: int, now: int) -> Decision:
    if decision.agrees or decision.at >= _FIRST_REFUSAL:
        return decision
    return decision._replace(at=min(at, now))


def _turned(purpose: str, decision: Decision) -> Decision:
    return decision._replace(agrees=not decision.agrees) if purpose == SALE_OPT_OUT else decision


def _newer(known: Decision | None, decision: Decision) -> Decision:
    return known if known is not None and known.at > decision.at else decision
