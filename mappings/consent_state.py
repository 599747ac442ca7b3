"""What a person has consented to in a CDP, and what that comes to for Klaviyo's channels (mParticle: data privacy)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from mappings.entries import Channel

#: The one purpose of CCPA. It is the other way round: who consents has opted out of the sale of the data.
SALE_OPT_OUT: Final = "data_sale_opt_out"
#: The Firehose's names and the Events API's.
REGULATIONS: Final = ("gdpr_consent_state", "gdpr", "ccpa_consent_state", "ccpa")
#: More purposes than any workspace has, and a longer name.
_MOST: Final = 100
_LONGEST: Final = 256
#: ms; the ledger has 13 digits for it (until the year 2286).
_LATEST: Final = 10**13
#: ms of 2015: no purpose was refused before it, and seconds where ms are meant are long before it.
_FIRST_REFUSAL: Final = 1_420_070_400_000


class Decision(NamedTuple):
    """Whether a person agrees to a purpose, and since when (ms)."""

    agrees: bool
    at: int


State = dict[str, Decision]


def read(state: object, at: int, now: int) -> State:
    """Decisions by purpose (lower case) in `{"gdpr_consent_state": {purpose: {"consented", "timestamp_unixtime_ms"}},
    "ccpa_consent_state": ...}`, or with the names `gdpr` and `ccpa`.

    `at`: ms that stand for a missing time. `now`: ms at which it was told; a decision dated later, as by a device whose
    clock is wrong, counts from then, or else it would stand against everything decided before its date. One of long ago
    keeps its date, unlike a change (`times.clamp`): as new it would subscribe whoever has left since. A refusal from
    before 2015, as of seconds where ms are meant, counts from `at`, or else an agreement of before would stand against
    it. What cannot be read says nothing, and is no consent.
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
    """The newest decision of each purpose; of two at the same time the later one in `states`."""
    merged: State = {}
    for state in states:
        for purpose, decision in state.items():
            merged[purpose] = _newer(merged.get(purpose), decision)
    return merged


def by_channel(state: State, mapping: Mapping[str, Channel]) -> dict[Channel, Decision]:
    """What the purposes come to: a channel is agreed to when all of its purposes that are known are.

    Since the newest of the agreements, or the oldest of the refusals.
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
