"""The people who join or leave the list of an audience by undelivered changes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from identity.persons import Intent
from mappings.profile import Profile
from mappings.rules import Rules
from queues.change import Change
from queues.snapshots.members import identity
from worker.people.batch_people import MAX_ROW, People, encode_row, mapped_by


@dataclass(slots=True)
class PendingMembers:
    """People by identity (`queues.snapshots.members.identity`).

    `left_out`: by reason, the number of those who join but cannot be sent.
    """

    joining: dict[str, Profile] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)


def waiting(changes: Sequence[Change], rules: Rules) -> PendingMembers:
    """Return who joins and leaves by these changes of one audience, oldest first; attribute changes are ignored."""
    found = PendingMembers()
    for intent in People(changes, rules).intents:
        if intent.membership == "add":
            profile = joined(intent, changes, rules)
            if isinstance(profile, str):
                found.left_out[profile] += 1
            else:
                found.joining[_named(profile)] = profile
        elif intent.membership == "remove":
            # Each change alone: a person who joined by one identity and leaves by another loses both.
            mapped = [mapped_by(rules, [changes[i]], "export") for i in intent.indexes]
            found.leaving |= {_named(each) for each in mapped if isinstance(each, Profile)}
    return found


def joined(intent: Intent, changes: Sequence[Change], rules: Rules) -> Profile | str:
    """Return the profile of a person who joins, or the reason why there is none."""
    if intent.membership != "add":
        return "leaving the audience" if intent.membership else "neither joining nor leaving"
    mapped = mapped_by(rules, [changes[i] for i in intent.written], "export")
    return sendable(mapped) if isinstance(mapped, Profile) else mapped.reason


def sendable(profile: Profile) -> Profile | str:
    """Return the profile, or the reason why Klaviyo would not accept it."""
    return "profile_too_large" if len(encode_row(profile)) > MAX_ROW else profile


def _named(profile: Profile) -> str:
    # Never None: the mapping rejects people without an identifier.
    return str(identity(profile.attributes))
