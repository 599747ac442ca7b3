"""The audit log for programs, and masked identities of people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta, Struct

from ops.documents.fields import Count, Time
from queues.audit import AuditEntry
from text.wording import moment, number, plural


class EntryDocument(Struct, frozen=True):
    """An entry of the audit log: a user's action."""

    id: str
    at: Time
    who: Annotated[str, Meta(examples=["api:ann"])]
    what: Annotated[str, Meta(description="The action, such as flush, hold, release, replay, purge or sign-in.")]
    on: Annotated[str, Meta(description="A queue, a connection, a user's name, or empty.")]
    outcome: str
    counts: Annotated[dict[str, Count], Meta(description="Numbers of changes, letters and so on.")]


def document(entry: AuditEntry) -> EntryDocument:
    """Return the document of an entry."""
    return EntryDocument(entry.id, moment(entry.at), entry.who, entry.what, entry.on, entry.outcome, entry.counts)


#: Counts that are called by a noun; the others say what was done, such as `2 replayed`.
_NOUNS: Final = frozenset({"changes", "channels", "letters", "persons", "profiles", "queues"})


def counted(counts: Mapping[str, int]) -> str:
    """Return the counts of an entry in words: `1 change`, `2 replayed, 1 stayed`; empty if there are none."""
    return ", ".join(
        plural(count, name.removesuffix("s")) if name in _NOUNS else f"{number(count)} {name}"
        for name, count in counts.items()
    )


_HIDDEN = "***"


def masked(identity: str) -> str:
    """Mask an identity of the membership ledger: `email:ann@example.com` as `a***@e***.com`, others by their ends.

    It shows enough to recognise a known person, but not enough to find one.
    """
    kind, _, value = identity.partition(":")
    if kind == "email":
        local, _, domain = value.rpartition("@")
        return f"{local[:1]}{_HIDDEN}@{domain[:1]}{_HIDDEN}.{domain.rpartition('.')[2]}"
    if kind == "phone_number":
        return f"{value[:2]}{_HIDDEN}{value[-2:]}"
    return f"{value[:1]}{_HIDDEN}"


def plain(identity: str) -> str:
    """Return the value of an identity, for users who may see personal data."""
    return identity.partition(":")[2]
