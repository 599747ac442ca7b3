"""Whose a stored change is, and whose a profile, where somebody asked to be forgotten (rule 8 of `identity`). Pure.

An erasure reaches one person: everything with the person's e-mail, and, of what has none, whatever has an identifier of
theirs with which nobody else's e-mail goes. No identifier leads on to another one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from identity.holding import ChangeIdentity
from identity.identifiers import ANONYMOUS, PHONE, Identifiers, Named
from identity.sending import ProfileIdentifiers
from mappings import email

#: Identifiers by which nobody is kept off a list who has a better one: a family shares phones and devices.
_SHARED_BY_NATURE: Final = frozenset({PHONE, ANONYMOUS})


class Trace(NamedTuple):
    """A stored change that may be the person's. `key`: the person key that names whose it is."""

    who: Identifiers
    key: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom an erasure is about. `emails`: of the person, several only where somebody confirmed them; none where no
    e-mail is known. `ids`: the other identifiers. `keys`: person keys that name the person.
    """

    emails: frozenset[str] = frozenset()
    ids: frozenset[Named] = frozenset()
    keys: frozenset[str] = frozenset()


def leading(who: Identifiers) -> tuple[Named, ...]:
    """The identifiers that lead to a person, strongest first: a phone only where there is nothing better."""
    return ChangeIdentity(who, "update", 0).leading


def emails_with(ids: Collection[Named], traces: Iterable[Trace]) -> set[str]:
    """The e-mails that go with identifiers of somebody of whom no e-mail is known."""
    return {each.who.email for each in traces if each.who.email and not {*each.who.named}.isdisjoint(ids)}


def taken(subject: Subject, traces: Iterable[Trace]) -> set[Named]:
    """The identifiers with which another e-mail than the person's goes."""
    others = (each.who for each in traces if each.who.email and each.who.email not in subject.emails)
    return {named for who in others for named in who.named[1:]}


def is_theirs(subject: Subject, trace: Trace, others: Collection[Named]) -> bool:
    """Whether the change is the person's. `others`: identifiers with which somebody else's e-mail goes.

    A change that names nobody in a way that can be read is compared by the key of its name.
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
    """The identifiers that stand for the person and for nobody else, as far as is known."""
    yield from (named for named in subject.ids if named not in others)


def keeps_out(subject: Subject, named: Named) -> bool:
    """Whether no snapshot from before may bring back somebody with this identifier of the person's."""
    better = subject.emails or any(each[0] not in _SHARED_BY_NATURE for each in subject.ids)
    return named[0] not in _SHARED_BY_NATURE or not better


class Sighting(NamedTuple):
    """A profile at Klaviyo that may be the person's. `by`: how it was found: email, external_id, phone, remembered."""

    profile: ProfileIdentifiers
    by: str


class Verdict(NamedTuple):
    """`delete`: ids of profiles that are the person's. `look`: of those of which somebody has to say whose they are,
    and how each was found.
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
    """Whose the profiles are. `is_known`: whether an e-mail is the person's; none is where not `knows_email`.

    `several`: the identifiers stand for several people. `confirmed`: profiles that somebody said are the person's.

    A profile with the person's e-mail is theirs. One without any is where it is the only one, and so is any that an
    identifier alone finds, where no e-mail is known.
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
    address = email.canonical(profile.email or "")
    return bool(address) and is_known(address)
