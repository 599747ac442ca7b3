"""Turns mParticle's membership changes into changes of the audiences' queues.

No single profile can make the message fail: one that cannot be read is kept as dead on arrival, with the parts of it
that can still be read.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from configuration.connections import Connection
from intake.audiences import Audiences
from intake.http.faults import UNREADABLE, check_count, check_size, describe
from intake.http.limits import AUDIENCES, MEMBERSHIPS, PROFILES
from intake.incoming import MALFORMED, NO_IDENTITY, Incoming
from intake.mparticle.identities import check_identities, person_keys
from intake.mparticle.messages import NOTHING, AudienceId, AudienceMembership, MembershipMessage, MParticleProfile
from mappings.values import visible
from queues.acceptance import Acceptance
from queues.change import Action
from queues.names import Queue
from text.json_names import TWICE, twice

SOURCE: Final = "mparticle"
_ACTIONS: Final[dict[str | None, Action]] = {"add": "add", "delete": "remove", "attribute_update": "update"}
_EMPTY: Final = frozenset({b"", b"null", b"[]"})
_LONGEST_EMPTY: Final = 4
_profile = msgspec.json.Decoder(MParticleProfile | None)
_audience = msgspec.json.Decoder(AudienceMembership | None)
_encode = msgspec.json.Encoder().encode
#: Fields that are never stored, because Klaviyo has no use for them.
_DROPPED: Final = ("device_identities", "partner_identities")
_fields = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])


class _Person(msgspec.Struct, gc=False):
    """The stored fields of a person, in mParticle's form."""

    mpid: str | UnsetType = UNSET
    user_identities: Raw | UnsetType = UNSET
    user_attributes: Raw | UnsetType = UNSET


def acceptances(
    message: MembershipMessage,
    account_id: int | None,
    connection: Connection,
    audiences: Audiences,
    now: int,
    ignored: dict[Queue, dict[str, str]] | None = None,
) -> list[Acceptance]:
    """Return one acceptance for each audience in the message. `now`: ms. `ignored`: see Incoming. Raises TooMuch."""
    profiles = message.user_profiles or ()
    check_count(len(profiles), PROFILES, "profiles", "$.user_profiles")
    reading = _Reading(message, account_id, Incoming(connection, SOURCE, message.id or "", now, ignored=ignored))
    for index, raw in enumerate(profiles):
        reading.profile(f"$.user_profiles[{index}]", raw)
    dedupe = f"{message.__struct_config__.tag}:{message.id}" if message.id else ""
    return reading.incoming.acceptances(dedupe, audiences)


class _Reading:
    def __init__(self, message: MembershipMessage, account_id: int | None, incoming: Incoming) -> None:
        self.incoming = incoming
        self._at = message.timestamp_ms
        self._account_id = account_id
        self._memberships = 0

    def _count(self, place: str, audiences: int) -> None:
        """Raise TooMuch when one person, or all people together, have too many audiences."""
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
        if names and (of_person := [name for name in names if not name.startswith(".audiences[")]):
            self._bury_all(place, raw, f"{place}{of_person[0]}: {TWICE}")
            return
        check_identities(profile.user_identities, f"{place}.user_identities")
        self._count(place, len(profile.audiences or ()))
        keys = person_keys(self._account_id, profile.mpid, profile.user_identities, self.incoming.connection)
        for number, each in enumerate(profile.audiences or ()):
            own = f".audiences[{number}]"
            wrong = next((name for name in names if name.startswith(own)), "") if names else ""
            self._audience(place + own, profile, keys, each, f"{place}{wrong}: {TWICE}" if wrong else "")

    def _audience(self, place: str, profile: MParticleProfile, keys: tuple[str, ...], raw: Raw, wrong: str) -> None:
        if wrong:
            self._bury(lenient_audience_id(raw), place, _stored(profile, NOTHING), wrong)
            return
        try:
            audience = _audience.decode(raw)
        except UNREADABLE as fault:
            self._bury(lenient_audience_id(raw), place, _stored(profile, NOTHING), describe(fault, place))
            return
        if audience is None or audience.audience_id is None:
            if not is_empty(raw):
                self._bury(None, place, _stored(profile, NOTHING), f"{place}.audience_id: missing")
            return
        self._change(place, str(audience.audience_id), audience, keys, _stored(profile, audience.user_attributes))

    def _change(
        self, place: str, audience_id: str, audience: AudienceMembership, keys: tuple[str, ...], person: bytes
    ) -> None:
        part = self.incoming.part(audience_id)
        # An entry without them does not clear those of other entries in the message.
        if audience.audience_name != part.name:
            part.name = visible(audience.audience_name) or part.name
        part.settings = audience.audience_subscription_settings or part.settings
        action = _ACTIONS.get(audience.action)
        if action is None:
            self._bury(audience_id, place, person, f"{place}.action: not one of add, delete, attribute_update")
        elif not keys:
            detail = f"{place}: no identity that identifies the person; make mParticle send one"
            self._bury(audience_id, place, person, detail, NO_IDENTITY)
        else:
            self.incoming.add(part, keys, action, self._at, person)

    def _bury_all(self, place: str, raw: Raw, detail: str) -> None:
        meant = audience_ids(raw)
        self._count(place, len(meant))
        for number, audience_id in enumerate(meant):
            self._bury(audience_id, f"{place}.audiences[{number}]", lenient_person(raw), detail)

    def _bury(self, audience_id: str | None, place: str, person: bytes, detail: str, reason: str = MALFORMED) -> None:
        self.incoming.bury(self.incoming.part(audience_id), place, self._at, person, reason, detail)


def _stored(profile: MParticleProfile, attributes: Raw) -> bytes:
    return _encode(
        _Person(
            UNSET if profile.mpid is None else str(profile.mpid),
            _given(profile.user_identities),
            _given(attributes),
        )
    )


def _given(raw: Raw) -> Raw | UnsetType:
    return UNSET if len(raw) <= _LONGEST_EMPTY and bytes(raw) in _EMPTY else raw


class _Addressed(msgspec.Struct):
    audience_id: AudienceId


_addressed = msgspec.json.Decoder(_Addressed)


def is_empty(raw: Raw) -> bool:
    """Return whether the value is null or an empty object, as in mParticle's own samples."""
    return bytes(raw).translate(None, b" \t\r\n") in (b"null", b"{}")


def lenient_audience_id(audience: Raw) -> str | None:
    """Return the id of a malformed audience; None when the id itself cannot be read."""
    try:
        found = _addressed.decode(audience).audience_id
        return None if ".audience_id" in twice(audience) else str(found)
    except UNREADABLE:
        return None


def audience_ids(profile: Raw) -> list[str | None]:
    """Return the audience ids of a malformed profile; one None when they cannot be read."""
    try:
        audiences = _list.decode(_fields.decode(profile).get("audiences", NOTHING))
    except UNREADABLE:
        return [None]
    return [lenient_audience_id(audience) for audience in audiences if not is_empty(audience)] or [None]


def lenient_person(profile: Raw) -> bytes:
    """Return a malformed profile without its devices, and unchanged when it cannot be read."""
    try:
        fields = _fields.decode(profile)
    except UNREADABLE:
        return bytes(profile)
    return msgspec.json.encode({name: value for name, value in fields.items() if name not in _DROPPED})
