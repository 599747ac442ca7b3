"""What the audit has: an act as programs read it, and who acts from here.

People as everybody may see them: enough to recognise somebody one knows, too little to find anybody. Pure.
"""

from __future__ import annotations

import getpass
import os
from typing import Annotated

from msgspec import Meta, Struct

from ops.documents.fields import Count, Time
from queues.audit import AuditEntry
from text.wording import moment


class EntryDocument(Struct, frozen=True):
    """Who did what."""

    id: str
    at: Time
    who: Annotated[str, Meta(examples=["api:ann"])]
    what: Annotated[str, Meta(description="flush, hold, release, replay, purge, sign-in and the like.")]
    on: Annotated[str, Meta(description="A queue, a connection, a user's name, or empty.")]
    outcome: str
    counts: Annotated[dict[str, Count], Meta(description="Of changes, letters and the like.")]


def document(entry: AuditEntry) -> EntryDocument:
    """An entry, for programs."""
    return EntryDocument(entry.id, moment(entry.at), entry.who, entry.what, entry.on, entry.outcome, entry.counts)


def by() -> str:
    """Who calls a command, as the audit names them: `cli:<os user>`."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # in a container the user need not have a name
        return f"cli:{os.getuid()}"


_HIDDEN = "***"


def masked(identity: str) -> str:
    """`a***@e***.com` for an identity of the membership ledger (`email:ann@example.com`); others by their ends."""
    kind, _, value = identity.partition(":")
    if kind == "email":
        local, _, domain = value.rpartition("@")
        return f"{local[:1]}{_HIDDEN}@{domain[:1]}{_HIDDEN}.{domain.rpartition('.')[2]}"
    if kind == "phone_number":
        return f"{value[:2]}{_HIDDEN}{value[-2:]}"
    return f"{value[:1]}{_HIDDEN}"


def plain(identity: str) -> str:
    """The value of an identity, for those who may see it."""
    return identity.partition(":")[2]
