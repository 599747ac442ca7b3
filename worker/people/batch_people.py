"""The people of a batch: the person of each change, the intents, and the rows to send to Klaviyo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import Final, Literal

import orjson
from msgspec import structs

from identity import identifiers
from identity.holding import ChangeIdentity
from identity.identifiers import Identifiers, Named
from identity.persons import Intent, coalesce
from identity.sending import IDENTIFIERS, Policy
from mappings.contact import NOBODY_LEFT
from mappings.person import Identity, Person
from mappings.profile import Profile, to_profile
from mappings.rules import Rules
from mappings.sources import merge, read
from queues.change import Change
from queues.snapshots import orders
from worker.errors import guarded
from worker.progress import BatchFacts, Rejection

Identifier = Literal["email", "phone_number", "external_id"]
#: Klaviyo accepts 100 KB per profile; one more byte would fail the whole request.
MAX_ROW: Final = 100_000
#: Warnings: a value of the person identifies nobody; too many people share it.
BLOCKED: Final = "identifier_blocked"
SHARED: Final = "identifier_shared"
_NOBODY: Final = Identifiers()
#: The identity model's kind for each identifier of Klaviyo.
KINDS: Final[dict[Identifier, str]] = {"email": "email", "external_id": "external_id", "phone_number": "phone"}


class _Read:
    """The changes, each read once, without any facts of earlier batches. `where`: their place, for the log."""

    def __init__(self, changes: Sequence[Change], rules: Rules, policy: Policy, where: str) -> None:
        self._changes, self._rules, self._policy, self._where = changes, rules, policy, where
        self._persons: dict[int, Person | Rejection] = {}
        self._who: dict[int, Identifiers] = {}

    def person(self, index: int) -> Person | Rejection:
        """Return the person of a change, or the rejection when it cannot be read."""
        if index not in self._persons:
            body = self._changes[index].body
            self._persons[index] = guarded(lambda: read(body.source, bytes(body.person)), self._where)
        return self._persons[index]

    def who(self, index: int) -> Identifiers:
        """Return the identifiers of a change's person, shared or not; none when it cannot be read."""
        if index not in self._who:
            person, found = self.person(index), _NOBODY
            if isinstance(person, Person):
                found = identifiers.of_person(person, self._rules, self._policy.blocked)
            self._who[index] = found
        return self._who[index]

    @cached_property
    def all_said(self) -> list[ChangeIdentity]:
        """What each change says of its person, when earlier batches say nothing about it."""
        return [self._said(index) for index in range(len(self._changes))]

    def _said(self, index: int) -> ChangeIdentity:
        who, body = self.who(index), self._changes[index].body
        exact = body.source == orders.KIND and body.action == "remove"
        return ChangeIdentity(who, body.action, body.at, moving=self._policy.moving(who, body.source), exact=exact)


class People:
    """The people of a batch.

    `where`: the place of its changes, for the log. `facts`: facts from earlier batches. `known`: the changes, if they
    have been read already.
    """

    def __init__(
        self,
        changes: Sequence[Change],
        rules: Rules | None = None,
        policy: Policy | None = None,
        where: str = "",
        facts: BatchFacts | None = None,
        known: _Read | None = None,
    ) -> None:
        self.changes = changes
        self.rules = rules or Rules()
        self.policy = policy or Policy()
        self.facts = facts or BatchFacts()
        self._where = where
        self._read = known or _Read(changes, self.rules, self.policy, where)
        self._who: dict[int, Identifiers] = {}

    def with_facts(self, facts: BatchFacts) -> People:
        """Return the same people with these facts."""
        return People(self.changes, self.rules, self.policy, self._where, facts, self._read)

    def who(self, index: int) -> Identifiers:
        """Return the identifiers of a change's person; none when it cannot be read."""
        facts = self.facts
        misaddressed, address = index in facts.misaddressed, facts.addressed.get(index)
        if not facts.shared and not misaddressed and not address:
            return self._read.who(index)
        if index not in self._who:
            who = self._read.who(index).without(self._is_shared)
            if address:
                who = structs.replace(who, named=((identifiers.EMAIL, address), *who.named))
            self._who[index] = who.without(lambda named: named[0] == identifiers.EMAIL) if misaddressed else who
        return self._who[index]

    def said(self, index: int) -> ChangeIdentity:
        """Return the facts of a change that coalescing needs."""
        return self.all_said[index]

    @cached_property
    def all_said(self) -> list[ChangeIdentity]:
        """The facts of all changes that coalescing needs, in their order."""
        facts, plain = self.facts, self._read.all_said
        # All facts that `who` and `_by_facts` look at; of most batches there are none.
        if not (facts.shared or facts.misaddressed or facts.addressed or facts.late or facts.spared):
            return plain
        return [self._by_facts(index, said) for index, said in enumerate(plain)]

    def _by_facts(self, index: int, said: ChangeIdentity) -> ChangeIdentity:
        who, facts = self.who(index), self.facts
        if who is said.who and index not in facts.late and index not in facts.spared:
            return said
        moving = self.policy.moving(who, self.changes[index].body.source)
        late, spared = index in facts.late, frozenset(facts.spared.get(index, ()))
        return replace(said, who=who, late=late, moving=moving, spared=spared)

    def is_member(self, indexes: Iterable[int]) -> bool:
        """Return whether a leaver's changes are a snapshot's, which uses the ledger's name of the member."""
        return all(self.said(index).exact for index in indexes)

    @cached_property
    def intents(self) -> list[Intent]:
        """The intent of each person."""
        strangers = {index: self.facts.meant.get(index, []) for index in self.facts.strangers}
        return coalesce(self.all_said, self.facts.before(), strangers)

    @cached_property
    def late(self) -> set[int]:
        """Membership changes that arrived after a newer one of their person, in this batch or an earlier one."""
        found = set(self.facts.late)
        for intent in self.intents:
            newest = 0
            for index in sorted(intent.indexes):
                body = self.changes[index].body
                if body.action in ("add", "remove"):
                    if body.at < newest and not body.replayed:
                        found.add(index)
                    newest = max(newest, body.at)
        return found

    def named(self, indexes: Iterable[int]) -> list[Named]:
        """Return the identifiers of a person's changes, each once, strongest first."""
        first, *others = [self.who(index).named for index in indexes] or [()]
        if not others:
            return list(first)
        return sorted(dict.fromkeys(chain(first, *others)), key=lambda each: identifiers.STRENGTH.index(each[0]))

    def written(self, intent: Intent) -> Profile | Rejection:
        """Return the profile to upload: the changes since the last removal, with an e-mail from before if needed."""
        return self.mapped(intent.written, self._address(intent))

    def _address(self, intent: Intent) -> tuple[Person, ...]:
        before = [i for i in intent.indexes if self.who(i).email]
        if not intent.written or not before or any(i in intent.written for i in before):
            return ()
        person = self._usable(before[-1])
        if isinstance(person, Rejection):
            return ()
        return (Person(tuple(each for each in person.identities if each.type == identifiers.EMAIL)),)

    def mapped(self, indexes: Sequence[int], before: Sequence[Person] = ()) -> Profile | Rejection:
        """Return the profile that a person's changes, oldest first, result in. `before`: earlier data of the person."""
        people = [*before, *(self._usable(index) for index in indexes)]
        if rejected := next((each for each in reversed(people) if isinstance(each, Rejection)), None):
            return rejected
        persons = [each for each in people if isinstance(each, Person)]
        found = guarded(lambda: to_profile(merge(persons), self.rules), self._where)
        left_out = self._left_out(indexes)
        if isinstance(found, Rejection):
            return _about_blocked(found) if left_out and not any(self.who(i).wrong for i in indexes) else found
        warnings = tuple(dict.fromkeys((*found.warnings, *left_out)))
        return structs.replace(found, warnings=warnings)

    def _left_out(self, indexes: Iterable[int]) -> list[str]:
        blocked = any(self.who(i).left_out for i in indexes)
        shared = any(self._shares(i) for i in indexes)
        return [*([BLOCKED] if blocked else []), *([SHARED] if shared else [])]

    def _shares(self, index: int) -> bool:
        return bool(self.facts.shared) and any(map(self._is_shared, self._read.who(index).named))

    def _is_shared(self, named: Named) -> bool:
        return named in self.facts.shared

    def _usable(self, index: int) -> Person | Rejection:
        """Return the person without identifiers that identify nobody."""
        person = self._read.person(index)
        if isinstance(person, Rejection):
            return person
        if address := self.facts.addressed.get(index):
            person = structs.replace(person, identities=(Identity(identifiers.EMAIL, address), *person.identities))
        who = self.who(index)
        if not who.left_out and not self.facts.shared:
            return person
        return identifiers.usable(person, self.rules, self.policy.blocked, self._is_shared)


def _about_blocked(rejection: Rejection) -> Rejection:
    """Turn a missing identifier into `identifier_blocked`, because all identifiers were left out."""
    if rejection.reason not in ("no_email", "no_identifier"):
        return rejection
    return Rejection(BLOCKED, {"detail": NOBODY_LEFT})


def encode_row(profile: Profile, profile_id: str = "", left_out: Iterable[str] = ()) -> bytes:
    """Encode one element of `profiles.data` of a bulk import (Klaviyo: bulk_import_profiles).

    With a `profile_id` of Klaviyo no identifier is sent, so that none is overwritten.
    """
    without = {*left_out, *(IDENTIFIERS if profile_id else ())}
    attributes = {name: value for name, value in profile.attributes.items() if name not in without}
    row: dict[str, object] = {"type": "profile", "attributes": attributes if without else profile.attributes}
    if profile_id:
        row["id"] = profile_id
    changes = {"append": profile.append, "unappend": profile.unappend, "unset": profile.unset}
    if patch := {name: entries for name, entries in changes.items() if entries}:
        row["meta"] = {"patch_properties": patch}
    return orjson.dumps(row)


def identifiers_of(profile: Profile) -> dict[str, str]:
    """Return the identifiers of a mapped profile, by Klaviyo's names."""
    return {name: profile.attributes[name] for name in IDENTIFIERS if name in profile.attributes}


def named(profile_identifiers: Mapping[str, str]) -> list[Named]:
    """Return these identifiers by the identity model's names, strongest first."""
    return [(KINDS[name], profile_identifiers[name]) for name in KINDS if name in profile_identifiers]


def mapped_by(rules: Rules, changes: Sequence[Change], where: str, policy: Policy | None = None) -> Profile | Rejection:
    """Return the profile that a person's changes, oldest first, result in. `where`: their place, for the log."""
    return People(changes, rules, policy, where).mapped(range(len(changes)))
