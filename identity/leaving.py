"""Which profiles belong to a person who leaves a list (rule 6 of `identity`). Pure.

Also which people are meant by identifiers without an e-mail (rule 1).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from identity.identifiers import EMAIL, EXTERNAL_ID, OWN, PHONE, Identifiers, Named
from identity.sending import ProfileIdentifiers
from mappings.identifiers import canonical_email

_IDS: Final = (EXTERNAL_ID, *OWN)
Somebody = TypeVar("Somebody")


@dataclass(frozen=True, slots=True)
class Leaver:
    """A person who leaves. `email`, `phones`, `external_ids`: the identifiers in the person's changes.

    `delivered`: ids of the profiles under which the person was delivered, by the e-mail or by an id that has one e-mail
    at a time. `by_ids`: ids of profiles delivered under the other ids, which several people may have. `is_known`: the
    e-mail was delivered before, so the other ids may be somebody else's. `is_member`: a snapshot takes off the people
    who were delivered under this one identifier. `strangers`: profiles that have one of the person's ids at Klaviyo but
    are somebody else's by newer changes.
    """

    email: str = ""
    phones: frozenset[str] = frozenset()
    external_ids: frozenset[str] = frozenset()
    delivered: frozenset[str] = frozenset()
    by_ids: frozenset[str] = frozenset()
    is_known: bool = False
    is_member: bool = False
    strangers: frozenset[str] = frozenset()


def leaving(leaver: Leaver, found: Iterable[ProfileIdentifiers], staying: Collection[str]) -> list[str]:
    """Return the ids of the profiles in `found` that are the leaver's. `staying`: e-mails of people who join meanwhile.

    A profile is the leaver's if it has the leaver's e-mail, if the leaver was delivered under it, or if it has no
    e-mail and one of the leaver's identifiers. A leaver without an e-mail is everybody who has the identifier; if it is
    a member, only those who were delivered under it, or everybody who has it now when their profile is gone.
    """
    found = list(found)
    is_known = leaver.is_known or (leaver.is_member and any(each.id in leaver.delivered for each in found))
    candidates = [each for each in found if canonical_email(each.email or "") not in staying]
    theirs = {each.id for each in candidates if _is_named(leaver, each)} | leaver.delivered
    if not is_known and not any(_is_named(leaver, each) for each in candidates):
        theirs |= leaver.by_ids
        theirs |= {each.id for each in candidates if _has_id(leaver, each) and not (leaver.email and each.email)}
    return [each.id for each in candidates if each.id in theirs]


def _is_named(leaver: Leaver, profile: ProfileIdentifiers) -> bool:
    return bool(leaver.email) and canonical_email(profile.email or "") == leaver.email


def _has_id(leaver: Leaver, profile: ProfileIdentifiers) -> bool:
    """Whether an id is the same and no stronger one differs."""
    if profile.id in leaver.strangers:
        return False
    if profile.external_id and leaver.external_ids:
        return profile.external_id in leaver.external_ids
    return profile.external_id in leaver.external_ids or profile.phone_number in leaver.phones


def ids_of(who: Identifiers) -> tuple[Named, ...]:
    """Return the ids among the identifiers, strongest first."""
    return tuple(named for named in who.named if named[0] in _IDS)


def leads(named: Named, among: Iterable[Named]) -> bool:
    """Return whether an identifier leads to a person; a phone does only without a better one."""
    return named[0] not in (EMAIL, PHONE) or all(kind == PHONE for kind, _ in among)


def meant(
    leading: Sequence[Named], having: Mapping[Named, Sequence[tuple[Somebody, int]]], moving: frozenset[Named]
) -> list[Somebody]:
    """Return the people who may be meant: those with the first of the `leading` identifiers that anybody has.

    `having`: the people who have an identifier, each with the time of the change that gave it to them. `moving`:
    identifiers that have one e-mail at a time, so that the newest person is meant.
    """
    for named in leading:
        if people := having.get(named):
            if named in moving:
                return [max(reversed(people), key=lambda each: each[1])[0]]
            return list(dict.fromkeys(person for person, _ in people))
    return []
