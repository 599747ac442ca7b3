"""Checks of each Klaviyo key, and of lists that several audiences share.

A key is checked by reading with it; nothing is written to Klaviyo. Shared lists come from the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress

from redis import Redis

from configuration.connections import Connections, UnknownConnection
from configuration.settings import Settings
from intake.readiness import Check
from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted, Throttled
from klaviyo.outcomes import HoldNeeded, summary
from ops.connections.keys import key_of
from queues import figures, owners
from queues.connections import accounts
from queues.errors import NoSecretKey, SecretKeyChanged
from queues.holds import OF_KEY
from queues.names import Queue
from worker.connection import limiter_of

#: The scopes with which Ferry reads are tested here; those with which it writes are not.
READING = "accounts:read lists:read profiles:read"
WRITING = (
    "lists:write profiles:write, for consent subscriptions:write, for events events:write, for erasure "
    "data-privacy:write"
)
#: A name and an id that do not exist: the answer is empty, but shows whether the key may ask.
_NOBODY = "ferry doctor: there is no such"


def key_checks(redis: Redis, settings: Settings) -> list[Check]:
    """Return a check for each connection that is configured or has a queue."""
    used = figures.connections(redis)
    names = sorted({connection.name for connection in settings.connections} | used)
    checks: list[Check] = []
    known: dict[str, Check] = {}
    for name in names:
        found = _key(redis, settings, name)
        if isinstance(found, Check):
            # An unused default connection needs no key.
            checks.append(found if name in used or len(names) == 1 else _unused(found))
            continue
        if found not in known:
            known[found] = _ask(redis, settings, found)
        answer = known[found]
        checks.append(Check(_title(name), answer.ok, answer.detail, answer.remedy))
    return checks


def _title(connection: str) -> str:
    return f"key of {connection}"


def _unused(check: Check) -> Check:
    return Check(check.name, True, f"{check.detail}, but it has no queue", check.remedy)


def _key(redis: Redis, settings: Settings, name: str) -> str | Check:
    title = _title(name)
    try:
        key = key_of(redis, settings, name)
    except UnknownConnection:
        remedy = f"add it again with `ferry connections add {name}`, or in connections.toml"
        return Check(title, False, "it has queues, but is not configured", remedy)
    except (NoSecretKey, SecretKeyChanged) as fault:
        return Check(title, False, "cannot be decrypted", str(fault))
    if key is None:
        remedy = f"`ferry connections add {name}`, or set KLAVIYO_API_KEY, or apiKey in the CDP's connection settings"
        return Check(title, False, "none", remedy)
    return key.value


def _ask(redis: Redis, settings: Settings, key: str) -> Check:
    try:
        client = Klaviyo(settings.klaviyo_base_url, key, limiter_of(redis, key))
    except ValueError as fault:  # the settings were checked when they were read; a CDP's key was not
        return Check("", False, "malformed", str(fault))
    with closing(client) as klaviyo:
        try:
            account = klaviyo.account()
            klaviyo.find_list(_NOBODY)
            klaviyo.find_profiles("external_id", [_NOBODY])
        except Throttled as fault:
            return Check("", True, "not tested: " + summary(fault.outcome), "run ferry doctor again in a minute")
        except NotAccepted as fault:
            return Check("", False, str(fault), "; ".join(_remedies(fault)))
    which = f"account {account.id}" if account.id else "works, without accounts:read"
    kind = ", a test account" if account.test_account else ""
    return Check(
        "", True, f"{which}{kind}; reads lists and profiles; not tested, because a test would write: {WRITING}"
    )


def _remedies(fault: NotAccepted) -> Iterator[str]:
    if isinstance(fault.outcome, HoldNeeded) and fault.outcome.reason in OF_KEY:
        yield f"use a private key with the scopes {READING} {WRITING}; then release the holds with `ferry release`"
    elif isinstance(fault.outcome, HoldNeeded):
        yield fault.outcome.resolve
    else:
        yield "no changes are lost; if this continues, check status.klaviyo.com and this machine's network"


def lists_check(redis: Redis, connections: Connections) -> Check:
    """Check for lists shared without `shared_list`, which may be a mistake. Raises RedisError."""
    connections.include(accounts.with_key(redis))
    found = [pair for pair in owners.shared(redis) if not _is_meant(connections, pair.queue)]
    if not found:
        return Check("lists", True, "no list is shared without shared_list")
    pairs = "; ".join(f"{pair.list_id} by {pair.keeper} and {pair.queue}" for pair in found)
    remedy = "each removes people that the other adds: name another list for one, or set shared_list = true"
    return Check("lists", True, f"shared: {pairs}", remedy)


def _is_meant(connections: Connections, queue: Queue) -> bool:
    with suppress(UnknownConnection):
        return connections.named(queue.connection).may_share(queue.target)
    return False
