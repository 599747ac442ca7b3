"""People as everybody may see them: enough to recognise somebody one knows, too little to find anybody. Pure."""

from __future__ import annotations

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
