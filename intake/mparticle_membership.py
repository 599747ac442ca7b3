"""Turns mParticle's membership changes into changes of the audiences' queues.

No profile can make the message fail: what cannot be read is kept as dead on arrival, beside the others.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from connections import Connection
from intake import mparticle_salvage as salvage
from intake.audiences import Audiences
from intake.faults import UNREADABLE, check_count, check_size, describe
from intake.incoming import MALFORMED, NO_IDENTITY, Incoming
from intake.limits import AUDIENCES, MEMBERSHIPS, PROFILES
from intake.mparticle_identities import check_identities, person_keys
from intake.mparticle_messages import NOTHING, Audience, Membership, Profile
from json_names import TWICE, twice
from mappings.values import visible
from queues.acceptance import Acceptance
from queues.change import Action
from queues.names import Queue

SOURCE: Final = "mparticle"
_ACTIONS: Final[dict[str | None, Action]] = {"add": "add", "delete": "remove", "attribute_update": "update"}
_EMPTY: Final = frozenset({b"", b"null", b"[]"})


class _Person(msgspec.Struct, gc=False):
    """What is stored of a person, in mParticle's own words."""

    mpid: str | UnsetType = UNSET
    user_identities: Raw | UnsetType = UNSET
    user_attributes: Raw | UnsetType = UNSET


_profile = msgspec.json.Decoder(Profile | None)
_audience = msgspec.json.Decoder(Audience | None)
_encode = msgspec.json.Encoder().encode


def acceptances(
    message: Membership,
    account_id: int | None,
    connection: Connection,
    audiences: Audiences,
    now: int,
    ignored: dict[Queue, dict[str, str]] | None = None,
) -> list[Acceptance]:
    """One acceptance for each audience that the message changes. `now`: ms. `ignored`: see Incoming. Raises TooMuch."""
    profiles = message.user_profiles or ()
    check_count(len(profiles), PROFILES, "profiles", "$.user_profiles")
    reading = _Reading(message, account_id, Incoming(connection, SOURCE, message.id or "", now, ignored=ignored))
    for index, raw in enumerate(profiles):
        reading.profile(f"$.user_profiles[{index}]", raw)
    dedupe = f"{message.__struct_config__.tag}:{message.id}" if message.id else ""
    return reading.incoming.acceptances(dedupe, audiences)


class _Reading:
    def __init__(self, message: Membership, account_id: int | None, incoming: Incoming) -> None:
        self.incoming = incoming
        self._at = message.timestamp_ms
        self._account_id = account_id
        self._memberships = 0

    def _count(self, place: str, audiences: int) -> None:
        """Raises TooMuch for a person of so many audiences, or for those of all people together."""
        self._memberships += audiences
        queues = self.incoming.queues
        if audiences > AUDIENCES or self._memberships > MEMBERSHIPS or queues > AUDIENCES:
            check_count(audiences, AUDIENCES, "audiences of one person", f"{place}.audiences")
            check_count(self._memberships, MEMBERSHIPS, "memberships up to here", f"{place}.audiences")
            check_count(queues, AUDIENCES, "audiences up to here", f"{place}.audiences")

    def profile(self, place: str, raw: Raw) -> None:
        check_size(raw, place)
        try:
            profile = _profile.decode(raw)
            names = twice(raw)
        except UNREADABLE as fault:
            self._bury_all(place, raw, describe(fault, place))
            return
        if profile is None or not (profile.audiences or ".audiences" in names):
            return
        if of_person := [name for name in names if not name.startswith(".audiences[")]:
            self._bury_all(place, raw, f"{place}{of_person[0]}: {TWICE}")
            return
        check_identities(profile.user_identities, f"{place}.user_identities")
        self._count(place, len(profile.audiences or ()))
        keys = person_keys(self._account_id, profile.mpid, profile.user_identities, self.incoming.connection)
        for number, each in enumerate(profile.audiences or ()):
            own = f".audiences[{number}]"
            wrong = next((name for name in names if name.startswith(own)), "")
            self._audience(place + own, profile, keys, each, f"{place}{wrong}: {TWICE}" if wrong else "")

    def _audience(self, place: str, profile: Profile, keys: tuple[str, ...], raw: Raw, wrong: str) -> None:
        if wrong:
            self._bury(salvage.audience_id(raw), place, _stored(profile, NOTHING), wrong)
            return
        try:
            audience = _audience.decode(raw)
        except UNREADABLE as fault:
            self._bury(salvage.audience_id(raw), place, _stored(profile, NOTHING), describe(fault, place))
            return
        if audience is None or audience.audience_id is None:
            if not salvage.is_empty(raw):
                self._bury(None, place, _stored(profile, NOTHING), f"{place}.audience_id: missing")
            return
        self._change(place, str(audience.audience_id), audience, keys, _stored(profile, audience.user_attributes))

    def _change(self, place: str, audience_id: str, audience: Audience, keys: tuple[str, ...], person: bytes) -> None:
        part = self.incoming.part(audience_id)
        # One entry that leaves them out does not make the others of the message forget them.
        part.name = visible(audience.audience_name) or part.name
        part.settings = audience.audience_subscription_settings or part.settings
        action = _ACTIONS.get(audience.action)
        if action is None:
            self._bury(audience_id, place, person, f"{place}.action: not one of add, delete, attribute_update")
        elif not keys:
            detail = f"{place}: no identity by which to tell the person from others; let mParticle send one"
            self._bury(audience_id, place, person, detail, NO_IDENTITY)
        else:
            self.incoming.add(part, keys, action, self._at, person)

    def _bury_all(self, place: str, raw: Raw, detail: str) -> None:
        meant = salvage.audience_ids(raw)
        self._count(place, len(meant))
        for number, audience_id in enumerate(meant):
            self._bury(audience_id, f"{place}.audiences[{number}]", salvage.person(raw), detail)

    def _bury(self, audience_id: str | None, place: str, person: bytes, detail: str, reason: str = MALFORMED) -> None:
        self.incoming.bury(self.incoming.part(audience_id), place, self._at, person, reason, detail)


def _stored(profile: Profile, attributes: Raw) -> bytes:
    return _encode(
        _Person(
            UNSET if profile.mpid is None else str(profile.mpid),
            _given(profile.user_identities),
            _given(attributes),
        )
    )


def _given(raw: Raw) -> Raw | UnsetType:
    return UNSET if bytes(raw) in _EMPTY else raw
