"""Which profiles are those of somebody who leaves a list (rule 6 of `identity`). Pure.

Who is meant by identifiers without an e-mail (rule 1 of `identity`). Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from identity.identifiers import EXTERNAL_ID, OWN, Identifiers, Named
from identity.sending import ProfileIdentifiers
from mappings import email


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody who leaves. `email`, `phones`, `external_ids`: that the person's changes name.

    `delivered`: ids of the profiles under which the person was delivered, by the e-mail or by an id that has one e-mail
    at a time. `by_ids`: of those delivered under the other ids, which more people may have. `is_known`: the e-mail was
    delivered before, so that the other ids may be somebody else's. `is_member`: a snapshot takes off whoever was
    delivered under this one identifier. `strangers`: profiles that have an id of theirs at Klaviyo, and are somebody
    else's by what was told since.
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
    """The ids of those of the profiles `found` that are the leaver's. `staying`: e-mails of people who join meanwhile.

    A profile is theirs if its e-mail is the one that they name, or they were delivered under it, or it has no e-mail
    and an identifier of theirs. Who names no e-mail is whoever the identifier stands for; a member, whoever was
    delivered under it, and whoever it stands for now where that profile is gone.
    """
    found = list(found)
    is_known = leaver.is_known or (leaver.is_member and any(each.id in leaver.delivered for each in found))
    candidates = [each for each in found if email.canonical(each.email or "") not in staying]
    theirs = {each.id for each in candidates if _is_named(leaver, each)} | leaver.delivered
    if not is_known and not any(_is_named(leaver, each) for each in candidates):
        theirs |= leaver.by_ids
        theirs |= {each.id for each in candidates if _has_id(leaver, each) and not (leaver.email and each.email)}
    return [each.id for each in candidates if each.id in theirs]


def _is_named(leaver: Leaver, profile: ProfileIdentifiers) -> bool:
    return bool(leaver.email) and email.canonical(profile.email or "") == leaver.email


def _has_id(leaver: Leaver, profile: ProfileIdentifiers) -> bool:
    """Whether an id is the same, and no stronger one contradicts."""
    if profile.id in leaver.strangers:
        return False
    if profile.external_id and leaver.external_ids:
        return profile.external_id in leaver.external_ids
    return profile.external_id in leaver.external_ids or profile.phone_number in leaver.phones


_IDS: Final = (EXTERNAL_ID, *OWN)
Somebody = TypeVar("Somebody")


def ids_of(who: Identifiers) -> tuple[Named, ...]:
    """The ids among the identifiers, strongest first."""
    return tuple(named for named in who.named if named[0] in _IDS)


def meant(
    leading: Sequence[Named], having: Mapping[Named, Sequence[tuple[Somebody, int]]], moving: frozenset[Named]
) -> list[Somebody]:
    """Everybody who may be meant: the people with the first of the `leading` identifiers that anybody has.

    `having`: the people who have an identifier, each with the time at which they were told to have it. `moving`:
    identifiers that have one e-mail at a time, so that the newest is meant.
    """
    for named in leading:
        if people := having.get(named):
            if named in moving:
                return [max(reversed(people), key=lambda each: each[1])[0]]
            return list(dict.fromkeys(person for person, _ in people))
    return []
