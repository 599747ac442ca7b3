"""The Klaviyo key of a connection: where it comes from, and what it may do."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

from redis import Redis

from configuration.connections import UnknownConnection
from configuration.settings import Settings
from klaviyo.accounts import KlaviyoAccount, Rights
from klaviyo.client import Klaviyo
from ops.errors import Failed, Misconfigured
from ops.retries import with_retries
from queues.connections import account_keys, accounts
from queues.connections.account_keys import LearntKey
from queues.errors import NoSecretKey, SecretKeyChanged
from text.escaping import visible
from worker.connection import limiter_of


@dataclass(frozen=True, slots=True)
class Key:
    """A key. `origin`: where it is stored. A CDP's setting takes precedence over the environment, then Ferry's store.

    `learnt`: what is known about a key that came with a message of the CDP.
    """

    value: str = field(repr=False)
    origin: Literal["CDP", "environment", "kept"]
    learnt: LearntKey | None = None


def key_of(redis: Redis, settings: Settings, name: str) -> Key | None:
    """Return the key that deliveries use. Raises UnknownConnection, NoSecretKey, SecretKeyChanged."""
    connection = settings.connections.named(name)
    cipher = accounts.Cipher(settings.secret_keys)
    account = accounts.recall(redis, name, cipher)
    if account and account.api_key:
        return Key(account.api_key, "CDP", account_keys.learnt(redis, name, cipher))
    if connection.api_key:
        return Key(connection.api_key, "environment")
    own = accounts.key_of(redis, name, cipher)
    return Key(own, "kept") if own else None


def key_or_why(redis: Redis, settings: Settings, name: str) -> Key | str:
    """Return the key that deliveries use, or why there is none."""
    try:
        return key_of(redis, settings, name) or f"no key: ferry connections add {name}"
    except UnknownConnection:
        return f"no longer configured, but it has queues: ferry connections add {name}"
    except (NoSecretKey, SecretKeyChanged) as fault:
        return str(fault)


def wanted_key(redis: Redis, settings: Settings, name: str) -> Key:
    """Return the key for a command that needs one. Raises Failed, Misconfigured."""
    try:
        found = key_of(redis, settings, name)
    except UnknownConnection as fault:
        raise Misconfigured(str(fault)) from fault
    except (NoSecretKey, SecretKeyChanged) as fault:
        raise Failed(f"{name}: {fault}") from fault
    if found is None:
        raise Failed(f"{name} has no key: ferry connections add {name}")
    return found


def examine(redis: Redis, settings: Settings, api_key: str) -> Rights:
    """Ask Klaviyo for the key's account and test its rights, without writing. Raises Failed with Klaviyo's answer."""
    try:
        limiter = limiter_of(redis, api_key)
        client = Klaviyo(settings.klaviyo_base_url, api_key, limiter)
    except ValueError as fault:
        raise Failed(str(fault)) from fault
    with closing(client) as klaviyo:
        return with_retries(klaviyo.rights)


def titled(account: KlaviyoAccount) -> str:
    """Return an account's title, such as `Brand B (AbC123), a test account`."""
    if account.id is None:
        return "unknown: accounts:read is missing"
    named = visible(f"{account.name} ({account.id})" if account.name else account.id)
    return f"{named}, a test account" if account.test_account else named
