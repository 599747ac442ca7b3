"""The senders: what each may post, and how much it posted."""

from __future__ import annotations

from typing import Any

from redis import Redis

from configuration.connections import UnknownConnection
from configuration.senders import Sender
from configuration.settings import Settings
from queues import senders as sender_uses
from text.wording import moment


def sender_document(redis: Redis, known: Settings, sender: Sender) -> dict[str, Any]:
    """Return a sender for programs; null where it has no limit. Raises redis.RedisError."""
    use, rate = sender_uses.read(redis, sender.name), sender.rate
    return {
        "name": sender.name,
        "routes": _sorted(sender.routes),
        "connections": _sorted(sender.connections),
        "mparticle_accounts": _sorted(sender.mparticle_accounts),
        "rate": {"per_second": rate.per_second, "burst": rate.amount} if rate else None,
        "accept_keys": sender.accept_keys,
        "allowed_origins": sorted(sender.allowed_origins),
        "last_use": moment(use.last),
        "requests": use.requests,
        "refused": dict(use.refused),
        "unknown_connections": [name for name in sorted(sender.connections or ()) if not _is_known(known, name)],
    }


def _sorted(values: frozenset[Any] | None) -> list[Any] | None:
    return None if values is None else sorted(values)


def _is_known(known: Settings, name: str) -> bool:
    try:
        known.connections.named(name)
    except UnknownConnection:
        return False
    return True
