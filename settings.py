"""Settings, read once from the environment and an optional connections.toml."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from environs import Env, EnvValidationError
from marshmallow import validate

import alerts_file
import connections_file
import settings_checks
from alerting import Alerting
from connections import DEFAULT, Connection, Connections
from connections_schema import UPLOAD_LIMIT
from queues import bounds, durability
from queues.durability import Durability
from queues.policy import FlushPolicy

KLAVIYO = "https://a.klaviyo.com"
#: Written by `ferry up` into its folder; how the other commands find the running group.
GROUP_FILE = "group.env"

_EXAMPLES = {
    "REDIS_URL": "redis://localhost:6379/0, rediss://user:password@host:6380, or unix:///path/to/redis.sock",
    "KLAVIYO_API_KEY": "pk_0123456789abcdef",
    "KLAVIYO_BASE_URL": KLAVIYO,
    "FERRY_TOKENS": "mparticle:0b5c4d3f7a1e4c66,backoffice:6f1d2c9a8b7e4f30",
    "FERRY_SEGMENT_SECRETS": "new:3c0e7b51d2f94a68,old:d41f8e6a90b27c35",
    "FERRY_FLUSH_SIZE": "100",
    "FERRY_FLUSH_MINUTES": "960",
    "FERRY_UPLOAD_MAX": "100",
    "FERRY_MAX_PENDING": "5000000",
    "FERRY_MAX_PENDING_PER_QUEUE": "1000000",
    "FERRY_DURABLE": "fsync, replicas:1, or local",
    "FERRY_SECRET_KEY": "a long random text, such as the output of: openssl rand -hex 32",
    "FERRY_ADMIN_TOKEN": "a long random text, such as the output of: openssl rand -hex 32",
    "FERRY_CONNECTIONS": "connections.toml",
    "FERRY_SFTP_URL": "sftp://user@sftp.klaviyo.com/profiles",
    "FERRY_SFTP_KEY": "/run/secrets/klaviyo_sftp, or the text of a private key",
    "FERRY_SFTP_HOST_KEY": "sftp.klaviyo.com ssh-ed25519 AAAA...",
    "FERRY_VAR": "./var",
    "PORT": "8000",
}


class SettingsError(ValueError):
    """A setting cannot be used; the message names it, the problem and an example."""


@dataclass(frozen=True, slots=True)
class Token:
    """A named secret that a sender shows."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process of Ferry may be told.

    `max_pending` and `max_pending_per_queue`: changes that may wait, in all queues and in one. `durable`: what Redis
    must confirm before a sender is answered.
    `segment_secrets`: with which Segment signs its webhooks, any of them.
    `secret_keys`: the first encrypts, all decrypt, so that a key can be exchanged without losing what is stored.
    `admin_token`: of the user `admin` of the console; None: there is no such user.
    `alerts`: what is told to people, and where; None: nothing is.
    `sftp_url`, `sftp_key` (text or path), `sftp_host_key`: where `ferry export --sftp` uploads to, and by which keys.
    """

    redis_url: str = field(repr=False)
    connections: Connections
    klaviyo_base_url: str = KLAVIYO
    tokens: tuple[Token, ...] = ()
    segment_secrets: tuple[Token, ...] = ()
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    admin_token: str | None = field(default=None, repr=False)
    port: int = 8000
    var: Path = Path("var")
    max_pending: int = bounds.PENDING
    max_pending_per_queue: int = bounds.PENDING_IN_QUEUE
    durable: Durability = durability.LOCAL
    alerts: Alerting | None = None
    sftp_url: str | None = None
    sftp_key: str | None = field(default=None, repr=False)
    sftp_host_key: str | None = None


def load() -> Settings:
    """Read the environment; where REDIS_URL is unset, also the group file of `ferry up`. Raises SettingsError.

    A variable that is empty counts as unset, and is unset for what this process starts.
    """
    _unset_empty()
    env = Env(eager=False)
    var = env.path("FERRY_VAR", Path("var"))
    if "REDIS_URL" not in os.environ and (var / GROUP_FILE).is_file():
        env.read_env(str(var / GROUP_FILE), recurse=False)
    url = env.str("REDIS_URL", "redis://localhost:6379/0", validate=settings_checks.redis_url)
    base_url = env.str("KLAVIYO_BASE_URL", KLAVIYO, validate=settings_checks.base_url)
    tokens: list[str] = env.list("FERRY_TOKENS", [], validate=settings_checks.tokens)
    signing: list[str] = env.list("FERRY_SEGMENT_SECRETS", [], validate=settings_checks.tokens)
    secrets: list[str] = env.list("FERRY_SECRET_KEY", [], validate=settings_checks.secrets)
    admin: str | None = env.str("FERRY_ADMIN_TOKEN", None, validate=settings_checks.admin_token)
    port = env.int("PORT", 8000, validate=validate.Range(0, 65535))
    most = env.int("FERRY_MAX_PENDING", bounds.PENDING, validate=validate.Range(min=1))
    most_in_a_queue = env.int("FERRY_MAX_PENDING_PER_QUEUE", bounds.PENDING_IN_QUEUE, validate=validate.Range(min=1))
    durable = env.str("FERRY_DURABLE", "local", validate=settings_checks.durable)
    file = env.path("FERRY_CONNECTIONS", None)
    sftp_url: str | None = env.str("FERRY_SFTP_URL", None, validate=settings_checks.sftp_url)
    sftp_key: str | None = env.str("FERRY_SFTP_KEY", None)
    sftp_host_key: str | None = env.str("FERRY_SFTP_HOST_KEY", None)
    default = Connection(DEFAULT, _api_key(env), policy=_policy(env))
    _seal(env)
    try:
        known = connections_file.load(file, default)
        alerts = alerts_file.load(file)
    except connections_file.ConnectionsError as fault:
        raise SettingsError(str(fault)) from fault
    return Settings(
        redis_url=url,
        connections=known,
        klaviyo_base_url=base_url.rstrip("/"),
        tokens=tuple(Token(*settings_checks.named(text)) for text in tokens if text),
        segment_secrets=tuple(Token(*settings_checks.named(text)) for text in signing if text),
        secret_keys=tuple(text for text in secrets if text),
        admin_token=admin,
        port=port,
        var=var,
        max_pending=most,
        max_pending_per_queue=most_in_a_queue,
        durable=durability.parse(durable),
        alerts=alerts,
        sftp_url=sftp_url,
        sftp_key=sftp_key,
        sftp_host_key=sftp_host_key,
    )


def _unset_empty() -> None:
    # In the environment itself, for the group file is read into it and replaces nothing that is set.
    for name in _EXAMPLES:
        if os.environ.get(name) == "":
            del os.environ[name]


def _seal(env: Env) -> None:
    try:
        env.seal()
    except EnvValidationError as fault:
        lines = [
            f"{name}: {' '.join(str(m) for m in messages)} Example: {name}={_EXAMPLES.get(name, '...')}"
            for name, messages in cast("dict[str, list[str]]", fault.error_messages).items()
        ]
        raise SettingsError("\n".join(lines)) from None


def _policy(env: Env) -> FlushPolicy:
    size = env.int("FERRY_FLUSH_SIZE", 100, validate=validate.Range(1, 100_000))
    minutes = env.float("FERRY_FLUSH_MINUTES", 960.0, validate=validate.Range(min=0, min_inclusive=False))
    most = env.int("FERRY_UPLOAD_MAX", None, validate=validate.Range(1, UPLOAD_LIMIT))
    if not isinstance(size, int) or not isinstance(minutes, float):  # wrong settings; seal() reports them
        return FlushPolicy()
    return FlushPolicy(size, round(minutes * 60_000), most or min(size, UPLOAD_LIMIT))


def _api_key(env: Env) -> str | None:
    key: str | None = env.str("KLAVIYO_API_KEY", None, validate=settings_checks.klaviyo_key)
    return key
