"""What of a person's identifiers is sent to Klaviyo (rule 5 of `identity`).

A second identifier may rename, merge or refuse, depending on the account; one that is free, or on that very profile,
does none of it (Klaviyo: understanding identity resolution).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

#: Klaviyo's names; the first one that a person has decides who is meant.
IDENTIFIERS: Final = ("email", "external_id", "phone_number")
#: Warnings. The identifier is another profile's; the profile has another one, which stays.
TAKEN: Final = "identifier_taken"
KEPT: Final = "identifier_kept"


class ProfileIdentifiers(Protocol):
    """What a look-up tells of a profile (klaviyo/lookups.py)."""

    @property
    def id(self) -> str:
        """Klaviyo's."""

    @property
    def email(self) -> str | None:
        """The primary one."""

    @property
    def phone_number(self) -> str | None:
        """E.164."""

    @property
    def external_id(self) -> str | None:
        """Some other system's."""

    @property
    def sms_consent(self) -> bool:
        """Whether the phone has consent to marketing by SMS."""


class IdentifierChoice(NamedTuple):
    """`left_out`: the identifiers that are not sent. `warnings`: why. `own`: those that the profile has already."""

    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


def first_of(identifiers: Mapping[str, str]) -> str:
    """The name of the identifier that says who is meant."""
    return next(name for name in IDENTIFIERS if name in identifiers)


def alone(identifiers: Mapping[str, str]) -> tuple[str, ...]:
    """What is left out where one identifier is sent."""
    first = first_of(identifiers)
    return tuple(name for name in IDENTIFIERS if name in identifiers and name != first)


def choose(
    identifiers: Mapping[str, str], owners: Mapping[str, ProfileIdentifiers | None], *, phone_wins: bool
) -> IdentifierChoice:
    """What of one person's `identifiers` is sent. `owners`: the profile that has each, None where it is free."""
    first = first_of(identifiers)
    person = owners[first]
    left_out, warnings, own = [], [], []
    for name in alone(identifiers):
        owner = owners[name]
        if owner is None:
            fault = _replaces(name, identifiers[name], person, phone_wins=phone_wins)
        elif person is not None and owner.id == person.id:
            own.append(name)
            continue
        else:
            # A profile that has nothing but the id is given the e-mail: nobody else can be meant by it.
            is_nameless = name == "external_id" and owner.email is None and owner.phone_number is None
            fault = None if person is None and is_nameless else TAKEN
        if fault:
            left_out.append(name)
            warnings.append(fault)
    return IdentifierChoice(tuple(left_out), tuple(dict.fromkeys(warnings)), tuple(own))


def _replaces(name: str, value: str, person: ProfileIdentifiers | None, *, phone_wins: bool) -> str | None:
    """Why a free identifier is not sent to a profile: it has another one. A phone's consent would be wiped."""
    before = getattr(person, name) if person is not None else None
    if before in (None, "", value):
        return None
    if name == "phone_number" and (phone_wins or not person or not person.sms_consent):
        return None
    return KEPT


def once(wanted: Sequence[tuple[Mapping[str, str], IdentifierChoice]]) -> list[IdentifierChoice]:
    """The choices for the people of one import, oldest first, so that no identifier is sent with two of them.

    A profile keeps its own; of several people the newest one gets a free identifier.
    """
    getting: dict[tuple[str, str], int] = {}
    for place, (identifiers, choice) in enumerate(wanted):
        for name in alone(identifiers):
            if name in choice.left_out:
                continue
            before = getting.get((name, identifiers[name]))
            if before is None or name not in wanted[before][1].own:
                getting[name, identifiers[name]] = place
    # Under its first identifier a person goes in any case.
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
