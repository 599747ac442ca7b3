"""Which of a person's identifiers are sent to Klaviyo (rule 5 of `identity`), and the settings of identity. Pure.

Depending on the account, a second identifier may rename or merge profiles, or make Klaviyo refuse the request. One that
is free or already on the same profile is safe (Klaviyo: understanding identity resolution). The settings also say when
people count as on the list, and what follows when they are not (rule 7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from identity.blocked import DEFAULT, Blocked
from identity.identifiers import EXTERNAL_ID, OWN, Identifiers, Named

#: Klaviyo's names; the first one that a person has identifies the person.
IDENTIFIERS: Final = ("email", "external_id", "phone_number")
#: Warnings: the identifier belongs to another profile; the profile has another identifier, which it keeps.
TAKEN: Final = "identifier_taken"
KEPT: Final = "identifier_kept"
#: `verified`: a second identifier is sent when it is known to be free or already the person's. `email_only`: one
#: identifier a person. `trust_cdp`: all identifiers that the CDP sends.
Mode = Literal["verified", "email_only", "trust_cdp"]
Proof = Literal["all", "sample", "off"]
#: Whether the old e-mail leaves the list when one of the CDP's ids gets a new one.
EmailChange = Literal["move", "keep"]
#: Seconds until the next look after one that missed a person: Klaviyo does not promise how soon it shows a member.
DELAYS_S: Final = (30.0, 300.0)
#: The number of people in a sample: one request.
SAMPLE: Final = 100


class ProfileIdentifiers(Protocol):
    """A profile as a look-up returns it (klaviyo/lookups.py)."""

    @property
    def id(self) -> str:
        """Klaviyo's id."""

    @property
    def email(self) -> str | None:
        """The primary e-mail."""

    @property
    def phone_number(self) -> str | None:
        """The phone as E.164."""

    @property
    def external_id(self) -> str | None:
        """The id in another system."""

    @property
    def sms_consent(self) -> bool:
        """Whether the phone has consent to marketing by SMS."""


class IdentifierChoice(NamedTuple):
    """The choice of identifiers to send.

    `left_out`: the identifiers that are not sent. `warnings`: why. `own`: those that the profile has already.
    """

    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


def first_of(identifiers: Mapping[str, str]) -> str:
    """Return the name of the identifier that identifies the person."""
    return next(name for name in IDENTIFIERS if name in identifiers)


def alone(identifiers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the identifiers to leave out when only the first one is sent."""
    return tuple([name for name in IDENTIFIERS if name in identifiers][1:])


def choose(
    identifiers: Mapping[str, str], owners: Mapping[str, ProfileIdentifiers | None], *, phone_wins: bool
) -> IdentifierChoice:
    """Choose which of a person's `identifiers` to send. `owners`: the profile that has each, None when it is free."""
    first = first_of(identifiers)
    person = owners[first]
    nameless = _nameless(identifiers, owners) if person is None else None
    left_out, warnings, own = [], [], []
    for name in alone(identifiers):
        owner = owners[name]
        if owner is None:
            fault = _replaces(name, identifiers[name], person, phone_wins=phone_wins)
        elif person is not None and owner.id == person.id:
            own.append(name)
            continue
        else:
            fault = None if nameless is not None and owner.id == nameless.id else TAKEN
        if fault:
            left_out.append(name)
            warnings.append(fault)
    return IdentifierChoice(tuple(left_out), tuple(dict.fromkeys(warnings)), tuple(own))


def _nameless(
    identifiers: Mapping[str, str], owners: Mapping[str, ProfileIdentifiers | None]
) -> ProfileIdentifiers | None:
    """Return the profile without an e-mail that has the id of a person who is new to Klaviyo; it gets the e-mail.

    It cannot be anybody else's unless it has another phone than the person.
    """
    owner = owners.get("external_id")
    if owner is None or owner.email is not None:
        return None
    return owner if owner.phone_number in (None, identifiers.get("phone_number", owner.phone_number)) else None


def _replaces(name: str, value: str, person: ProfileIdentifiers | None, *, phone_wins: bool) -> str | None:
    """Return the warning for a free identifier that would replace another one, or None when it may be sent.

    A replaced phone would lose its consent.
    """
    before = getattr(person, name) if person is not None else None
    if before in (None, "", value):
        return None
    if name == "phone_number" and (phone_wins or not person or not person.sms_consent):
        return None
    return KEPT


def once(wanted: Sequence[tuple[Mapping[str, str], IdentifierChoice]]) -> list[IdentifierChoice]:
    """Return the choices for the people of one import, oldest first, so that no identifier is sent for two of them.

    A profile keeps its identifiers; the newest of several people gets a free one.
    """
    getting: dict[tuple[str, str], int] = {}
    for place, (identifiers, choice) in enumerate(wanted):
        for name in alone(identifiers):
            if name in choice.left_out:
                continue
            before = getting.get((name, identifiers[name]))
            if before is None or name not in wanted[before][1].own:
                getting[name, identifiers[name]] = place
    # The first identifier of a person is always sent.
    for place, (identifiers, _) in enumerate(wanted):
        first = first_of(identifiers)
        getting[first, identifiers[first]] = place
    return [_without_others(place, *each, getting) for place, each in enumerate(wanted)]


def _without_others(
    place: int, identifiers: Mapping[str, str], choice: IdentifierChoice, getting: Mapping[tuple[str, str], int]
) -> IdentifierChoice:
    lost = [
        name for name in alone(identifiers) if name not in choice.left_out and getting[name, identifiers[name]] != place
    ]
    if not lost:
        return choice
    warnings = tuple(dict.fromkeys((*choice.warnings, TAKEN)))
    return IdentifierChoice((*choice.left_out, *lost), warnings, choice.own)


@dataclass(frozen=True, slots=True)
class Policy:
    """The identity settings of a connection.

    `email_change`: None means `move` for mParticle's mpids and Segment's user ids, `keep` for others. `phone_wins`: the
    CDP's phone replaces a phone of the profile that has consent. `shared_after`: how many current e-mails may have one
    identifier.
    """

    identifiers: Mode = "verified"
    prove: Proof = "all"
    email_change: EmailChange | None = None
    phone_wins: bool = False
    blocked: Blocked = DEFAULT
    shared_after: int = 3

    def moving(self, who: Identifiers, source: str) -> frozenset[Named]:
        """Return the identifiers of a change from that source that have one e-mail at a time."""
        if self.email_change == "keep":
            return frozenset()
        kinds: tuple[str, ...] = OWN
        if self.email_change == "move" or (source == "segment" and who.value("user_id") == who.value(EXTERNAL_ID)):
            kinds = (*OWN, EXTERNAL_ID)
        return frozenset(named for named in who.named if named[0] in kinds)


def next_look_s(tries: int) -> float | None:
    """Return the seconds until the next look after `tries` looks, or None when there were enough."""
    return DELAYS_S[tries - 1] if tries <= len(DELAYS_S) else None
