"""Settings, read once from the environment and an optional connections.toml."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from dotenv import dotenv_values
from environs import Env, EnvValidationError
from marshmallow import validate

from configuration import alerts_file, checks, connections_file, queries_file, senders_file
from configuration.alerts import Alerting
from configuration.connections import DEFAULT, Connection, Connections
from configuration.connections_file import UPLOAD_LIMIT
from configuration.errors import SettingsError
from configuration.queries import DataSource, Query
from configuration.senders import Sender
from configuration.tables import ConnectionsError
from queues import bounds
from queues.policy import FlushPolicy
from queues.server.connection import LOCAL, Durability, parse_durability

KLAVIYO = "https://a.klaviyo.com"
#: Written by `ferry up` into its folder, so that the other commands find the running group.
GROUP_FILE = "group.env"


@dataclass(frozen=True, slots=True)
class Token:
    """A named secret of a sender."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a Ferry process.

    `installation`: the installation that the Redis must belong to; None: any.
    `max_pending` and `max_pending_per_queue`: limits of pending changes, in all queues and in one. `durable`: what
    Redis must confirm before the intake answers a sender.
    `redis_connections`: to a server, of a web process; None: no limit.
    `tokens`: of senders that may post everywhere; `senders`: those of connections.toml, each with its scope.
    `segment_secrets`: Segment may sign its webhooks with any of them.
    `secret_keys`: the first encrypts, all decrypt, so that a key can be replaced without losing stored data.
    `admin_token`: of the console's user `admin`; None: there is no such user.
    `trusted_proxies`: networks of proxies whose X-Forwarded-For names the client; by default this machine.
    `alerts`: limits and channels; None: no alerts. `sources`, `queries`: those of connections.toml.
    `sftp_url`, `sftp_key` (text or path), `sftp_host_key`: the target of `ferry export --sftp`, and its keys.
    """

    redis_url: str = field(repr=False)
    connections: Connections
    klaviyo_base_url: str = KLAVIYO
    installation: str | None = None
    tokens: tuple[Token, ...] = ()
    segment_secrets: tuple[Token, ...] = ()
    senders: tuple[Sender, ...] = ()
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    admin_token: str | None = field(default=None, repr=False)
    port: int = 8000
    var: Path = Path("var")
    max_pending: int = bounds.PENDING
    max_pending_per_queue: int = bounds.PENDING_IN_QUEUE
    durable: Durability = LOCAL
    redis_connections: int | None = None
    trusted_proxies: tuple[checks.Network, ...] = checks.LOOPBACK
    alerts: Alerting | None = None
    sources: tuple[DataSource, ...] = ()
    queries: tuple[Query, ...] = ()
    sftp_url: str | None = None
    sftp_key: str | None = field(default=None, repr=False)
    sftp_host_key: str | None = None

    @property
    def every_sender(self) -> tuple[Sender, ...]:
        """The senders of connections.toml, of FERRY_TOKENS, and of FERRY_SEGMENT_SECRETS, which only sign."""
        return (*self.senders, *_simple(self.tokens, self.segment_secrets))


def load() -> Settings:
    """Read the environment and, if REDIS_URL is unset, the group file of `ferry up`. Raises SettingsError.

    An empty variable counts as unset, and is removed from the environment, also for child processes.
    """
    _unset_empty()
    env = Env(eager=False)
    var = env.path("FERRY_VAR", Path("var"))
    _read_group(env, var)
    _prefix(env)
    plain = _plain(env)
    base_url = env.str("KLAVIYO_BASE_URL", KLAVIYO, validate=checks.base_url)
    tokens: list[str] = env.list("FERRY_TOKENS", [], validate=checks.tokens)
    signing: list[str] = env.list("FERRY_SEGMENT_SECRETS", [], validate=checks.tokens)
    secrets: list[str] = env.list("FERRY_SECRET_KEY", [], validate=checks.secrets)
    durable = env.str("FERRY_DURABLE", "local", validate=checks.durable)
    proxies: list[str] = env.list("FERRY_TRUSTED_PROXIES", [], validate=checks.proxies)
    file = env.path("FERRY_CONNECTIONS", None)
    default = Connection(DEFAULT, _api_key(env), policy=_policy(env))
    _seal(env)
    named, signed = ([Token(*checks.named(text)) for text in texts if text] for texts in (tokens, signing))
    return Settings(
        **plain,
        **_of_file(file, default, _simple(named, signed)),
        var=var,
        klaviyo_base_url=base_url.rstrip("/"),
        tokens=tuple(named),
        segment_secrets=tuple(signed),
        secret_keys=tuple(text for text in secrets if text),
        durable=parse_durability(durable),
        trusted_proxies=checks.networks(proxies) or checks.LOOPBACK,
    )


def _read_group(env: Env, var: Path) -> None:
    if "REDIS_URL" in os.environ:
        return
    if "FERRY_VAR" in os.environ:
        check_group(var)
    if (var / GROUP_FILE).is_file():
        env.read_env(str(var / GROUP_FILE), recurse=False)


def _plain(env: Env) -> dict[str, Any]:
    """Return the settings whose values are used as they stand, by their names in Settings."""
    env.str("FERRY_KLAVIYO_REVISION", None, validate=checks.klaviyo_revision)  # klaviyo/revision.py has read it
    at_least_one = validate.Range(min=1)
    return {
        "installation": env.str("FERRY_INSTALLATION", None, validate=checks.installation),
        "redis_url": env.str("REDIS_URL", "redis://localhost:6379/0", validate=checks.redis_url),
        "admin_token": env.str("FERRY_ADMIN_TOKEN", None, validate=checks.admin_token),
        "port": env.int("PORT", 8000, validate=validate.Range(0, 65535)),
        "max_pending": env.int("FERRY_MAX_PENDING", bounds.PENDING, validate=at_least_one),
        "max_pending_per_queue": env.int("FERRY_MAX_PENDING_PER_QUEUE", bounds.PENDING_IN_QUEUE, validate=at_least_one),
        "redis_connections": env.int("FERRY_REDIS_CONNECTIONS", None, validate=validate.Range(min=10)),
        "sftp_url": env.str("FERRY_SFTP_URL", None, validate=checks.sftp_url),
        "sftp_key": env.str("FERRY_SFTP_KEY", None),
        "sftp_host_key": env.str("FERRY_SFTP_HOST_KEY", None),
    }


def _of_file(file: Path | None, default: Connection, simple: tuple[Sender, ...]) -> dict[str, Any]:
    """Return the settings of connections.toml, by their names in Settings. `simple`: senders without a table."""
    try:
        connections = connections_file.load(file, default)
        senders = senders_file.load(file, connections)
        senders_file.check_apart(senders, simple)
        sources = queries_file.load_sources(file)
        queries = queries_file.load_queries(file, sources, connections)
        return {
            "connections": queries_file.applied(queries, connections),
            "senders": senders,
            "alerts": alerts_file.load(file),
            "sources": sources,
            "queries": queries,
        }
    except ConnectionsError as fault:
        raise SettingsError(str(fault)) from fault


def check_group(var: Path) -> None:
    """Raise SettingsError unless the given folder belongs to the group that the environment names."""
    own, given = dotenv_values(var / GROUP_FILE).get("REDIS_URL"), os.environ.get("REDIS_URL")
    if not own:
        raise SettingsError(
            f"no group in {var}: `ferry up` was never started with this folder. Give its folder with --var or "
            "FERRY_VAR, or leave both out."
        )
    if given and own != given:
        raise SettingsError(
            f"REDIS_URL of this environment is not the Redis of the group in {var}. Unset REDIS_URL, or leave --var "
            "out."
        )


def adopt_at_import(var: Path) -> None:
    """Set FERRY_PREFIX and FERRY_KLAVIYO_REVISION from the group file if load() will read that file.

    Call it before importing the modules that read them (key_prefix.py, revision.py). Raises SettingsError for an
    invalid value.
    """
    _unset_empty()
    found = {} if "REDIS_URL" in os.environ else dotenv_values(var / GROUP_FILE)
    for name in ("FERRY_PREFIX", "FERRY_KLAVIYO_REVISION"):
        if value := found.get(name):
            os.environ.setdefault(name, value)
    env = Env(eager=False)
    env.str("FERRY_PREFIX", None, validate=checks.prefix)
    env.str("FERRY_KLAVIYO_REVISION", None, validate=checks.klaviyo_revision)
    _seal(env)


def _prefix(env: Env) -> None:
    from queues import key_prefix  # reads the variable at import, which must come after adopt_at_import()

    prefix = env.str("FERRY_PREFIX", "", validate=checks.prefix)
    if prefix != key_prefix.PREFIX:
        raise SettingsError(
            f"FERRY_PREFIX is {prefix!r} but was {key_prefix.PREFIX!r} when this process started: restart it."
        )


def _simple(tokens: Iterable[Token], secrets: Iterable[Token]) -> tuple[Sender, ...]:
    """Return the senders without a table. A secret's name gets a prefix, because both lists may have a `default`."""
    return (
        *(Sender(each.name, tokens=(each.value,)) for each in tokens),
        *(
            Sender(f"segment:{each.name}", segment_secrets=(each.value,), routes=frozenset({"segment"}))
            for each in secrets
        ),
    )


def _unset_empty() -> None:
    # In the environment itself, because the group file is read into it and does not replace variables that are set.
    for name in checks.EXAMPLES:
        if os.environ.get(name) == "":
            del os.environ[name]


def _seal(env: Env) -> None:
    try:
        env.seal()
    except EnvValidationError as fault:
        lines = [
            f"{name}: {' '.join(str(m) for m in messages)} Example: {name}={checks.EXAMPLES.get(name, '...')}"
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
    key: str | None = env.str("KLAVIYO_API_KEY", None, validate=checks.klaviyo_key)
    return key
