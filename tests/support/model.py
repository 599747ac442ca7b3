"""What was sent and accepted, and what must be true of it in the end."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from queues.acceptance import Acceptance
from queues.change import Action, Body, encode, person_key
from queues.names import Queue
from queues.policy import FlushPolicy

#: Every address of these tests ends so: whatever holds it holds personal data.
DOMAIN = "canary.example"
#: The emulator accepts the import of an address that begins so, and then fails its row.
HOPELESS = "fail+"
_numbers = itertools.count()


def address(number: int) -> str:
    """The address of a person."""
    return f"p{number}@{DOMAIN}"


def list_name(audience: str) -> str:
    """The name of an audience, and so of its list in Klaviyo."""
    return f"Audience {audience}"


def queue_of(audience: str) -> Queue:
    """The queue of an audience."""
    return Queue("default", "audience", audience)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a CDP: (audience, action, address) for each change. `id` makes a repetition recognisable.

    `note`: an attribute of each person.
    """

    changes: tuple[tuple[str, Action, str], ...]
    id: str = field(default_factory=lambda: f"message-{next(_numbers)}")
    note: str = ""

    def posted(self) -> dict[str, Any]:
        """The body of a POST to /v1/changes."""
        changes = [
            {
                "action": action,
                "email": email,
                "attributes": {"note": self.note},
                "audience": {"id": audience, "name": list_name(audience)},
            }
            for audience, action, email in self.changes
        ]
        return {"changes": changes}

    def acceptances(self, policy: FlushPolicy, now: int) -> list[Acceptance]:
        """What an intake would make of it."""
        parts: dict[str, list[bytes]] = {}
        for audience, action, email in self.changes:
            person = msgspec.Raw(msgspec.json.encode({"email": email, "attributes": {"note": self.note}}))
            stored = encode((person_key("email", email),), now, Body(action, now, "changes", self.id, person))
            parts.setdefault(audience, []).append(stored)
        return [
            Acceptance(
                queue_of(audience), policy, self.id, stored, audience=msgspec.json.encode({"name": list_name(audience)})
            )
            for audience, stored in parts.items()
        ]


def message(audience: str, action: Action, numbers: Iterable[int]) -> Message:
    """A message that says the same of some people of one audience."""
    return Message(tuple((audience, action, address(number)) for number in numbers))


@dataclass
class Model:
    """All that was answered with 202. `accepted`: changes by audience; `last`: (audience, address) -> last action."""

    accepted: Counter[str] = field(default_factory=Counter)
    last: dict[tuple[str, str], Action] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def accept(self, sent: Message) -> None:
        """The message was answered with 202; call this once for each, in the order of the answers per person."""
        with self._lock:  # several senders count at once
            for audience, action, email in sent.changes:
                self.accepted[audience] += 1
                if action != "update":
                    self.last[audience, email] = action

    def members(self, audience: str) -> set[str]:
        """Who must be on the list of an audience."""
        return {email for email in self._added(audience) if not email.startswith(HOPELESS)}

    def hopeless(self, audience: str) -> set[str]:
        """Who must be a dead letter of an audience."""
        return {email for email in self._added(audience) if email.startswith(HOPELESS)}

    def _added(self, audience: str) -> set[str]:
        return {email for (of, email), action in self.last.items() if of == audience and action == "add"}
