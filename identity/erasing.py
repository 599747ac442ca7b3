"""Which stored changes and profiles belong to a person who is erased (rule 8 of `identity`). Pure.

An erasure reaches one person: everything with the person's e-mail, and everything without an e-mail that has one of
the person's identifiers, unless that identifier also occurs with somebody else's e-mail. No identifier leads to
another one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from identity.holding import ChangeIdentity
from identity.identifiers import ANONYMOUS, OWN, PHONE, Identifiers, Named
from identity.sending import ProfileIdentifiers
from mappings.identifiers import canonical_email

#: A person with a better identifier is not kept off a list by one of these: a family shares phones and devices.
_SHARED_BY_NATURE: Final = frozenset({PHONE, ANONYMOUS})


class Trace(NamedTuple):
    """A stored change that may be the person's. `key`: the person key that names its person."""

    who: Identifiers
    key: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The person to erase.

    `emails`: several only when an operator confirmed them, none when no e-mail is known. `ids`: the other identifiers.
    `keys`: person keys that name the person.
    """

    emails: frozenset[str] = frozenset()
    ids: frozenset[Named] = frozenset()
    keys: frozenset[str] = frozenset()


def leading(who: Identifiers) -> tuple[Named, ...]:
    """Return the identifiers that lead to a person, strongest first: a phone only when there is nothing better."""
    return ChangeIdentity(who, "update", 0).leading


def emails_with(ids: Collection[Named], traces: Iterable[Trace]) -> set[str]:
    """Return the e-mails that occur with identifiers of a person whose e-mail is not known."""
    return {each.who.email for each in traces if each.who.email and not {*each.who.named}.isdisjoint(ids)}


def has_another_user(ids: Collection[Named], traces: Iterable[Trace]) -> bool:
    """Whether one of the changes is of a user of the CDP without these ids. `traces`: changes with one e-mail."""
    users = ({named for named in each.who.named if named[0] in OWN} for each in traces)
    return any(some and some.isdisjoint(ids) for some in users)


def taken(subject: Subject, traces: Iterable[Trace]) -> set[Named]:
    """Return the identifiers that occur with an e-mail of somebody else."""
    others = (each.who for each in traces if each.who.email and each.who.email not in subject.emails)
    return {named for who in others for named in who.named[1:]}


def is_theirs(subject: Subject, trace: Trace, others: Collection[Named]) -> bool:
    """Whether the change is the person's. `others`: identifiers that occur with somebody else's e-mail.

    A change without readable identifiers is compared by its person key.
    """
    who = trace.who
    if who.email:
        return who.email in subject.emails
    if who.wrong or not who.named:
        return trace.key in subject.keys and not any(named in others for named in leading(who))
    for named in leading(who):
        if named in others:
            return False
        if named in subject.ids:
            return True
    return False


def naming(subject: Subject, others: Collection[Named]) -> Iterator[Named]:
    """Yield the identifiers that, as far as is known, identify only this person."""
    yield from (named for named in subject.ids if named not in others)


def keeps_out(subject: Subject, named: Named) -> bool:
    """Whether an older snapshot must not add a person with this identifier again."""
    better = subject.emails or any(each[0] not in _SHARED_BY_NATURE for each in subject.ids)
    return named[0] not in _SHARED_BY_NATURE or not better


class Sighting(NamedTuple):
    """A profile at Klaviyo that may be the person's. `by`: how it was found: email, external_id, phone, remembered."""

    profile: ProfileIdentifiers
    by: str


class Verdict(NamedTuple):
    """What to do with the profiles found.

    `delete`: ids of the person's profiles. `look`: ids of profiles that an operator has to assign, and how each was
    found.
    """

    delete: tuple[str, ...]
    look: dict[str, str]


def verdict(
    seen: Sequence[Sighting],
    is_known: Callable[[str], bool],
    *,
    knows_email: bool,
    several: bool = False,
    confirmed: Collection[str] = (),
) -> Verdict:
    """Decide which profiles are the person's.

    `is_known`: whether an e-mail is the person's; never true without `knows_email`. `several`: the identifiers belong
    to several people. `confirmed`: profiles that an operator assigned to the person.

    A profile with the person's e-mail is the person's. When there is none and only one profile was found, that one is
    the person's if it has no e-mail, or if no e-mail of the person is known.
    """
    found = {each.profile.id: each for each in reversed(seen)}
    theirs = {id_ for id_, each in found.items() if _is_sure(each.profile, is_known, confirmed)}
    if not theirs and len(found) == 1 and not several:
        theirs = {id_ for id_, each in found.items() if not (knows_email and each.profile.email)}
    look = {id_: each.by for id_, each in sorted(found.items()) if id_ not in theirs}
    return Verdict(tuple(sorted(theirs)), look)


def _is_sure(profile: ProfileIdentifiers, is_known: Callable[[str], bool], confirmed: Collection[str]) -> bool:
    if profile.id in confirmed:
        return True
    address = canonical_email(profile.email or "")
    return bool(address) and is_known(address)
