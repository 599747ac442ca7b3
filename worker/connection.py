"""The account and the settings of a queue's connection: the configuration, overridden by the CDP's settings.

Ferry asks Klaviyo once for each key, before the first delivery with it, whether the key belongs to the account that the
connection delivered to before. A key of another account holds the connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redis import Redis

from configuration.connections import Connection, Connections, UnknownConnection
from configuration.settings import Settings
from identity.sending import Policy
from klaviyo.client import Klaviyo
from klaviyo.endpoints import PUBLISHED
from mappings.account_settings import Channel, parse_consents, rules_from_mparticle
from mappings.rules import Rules
from mappings.values import visible
from queues import queue_facts
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.errors import NoSecretKey, SecretKeyChanged
from queues.holds import MovedAccount
from queues.names import Queue
from queues.queue_facts import QueueFacts
from queues.rate_limits import RedisLimiter, fingerprint
from worker.errors import AccountChanged, Held

#: Characters allowed in a header; with any other the HTTP library would fail in the middle of a delivery.
_KEY = re.compile(r"[!-~]+")
#: Used for an account whose key has no right to name it.
_UNNAMED: Final = "an account that Ferry cannot identify (the key has no accounts:read)"


@dataclass(frozen=True, slots=True)
class Destination:
    """The Klaviyo account and list of a queue's people, and the rules that apply to them.

    `list_id` and `list_name` are set by a person: in connections.toml, or in the CDP's audience settings. `known_as`
    is the audience's name in the CDP. `given_id` is the list id that Ferry gave the CDP earlier and that it repeats.
    `allow_global_unsubscribe`, `consent_removal`, `identity`: see `Connection`. `consent_mapping`: purpose -> channel.
    `shared_list`: the audience may use a list that another one keeps.
    """

    api_key: str = field(repr=False)
    rules: Rules
    list_id: str | None
    list_name: str | None
    known_as: str
    given_id: str | None
    allow_global_unsubscribe: bool = False
    consent_mapping: Mapping[str, Channel] = field(default_factory=dict)
    consent_removal: bool = False
    shared_list: bool = False
    identity: Policy = field(default_factory=Policy)

    @property
    def name(self) -> str:
        """Return the name by which the list is found or created."""
        return self.list_name or self.known_as

    @property
    def named_by_cdp(self) -> str | None:
        """Return the list id that the CDP repeats, unless another list has been named since."""
        return self.given_id if self.list_name is None else None

    def means(self, found_as: str) -> bool:
        """Return whether the list found under this name is still the audience's: no other list has been named since."""
        return self.list_name is None or found_as == self.list_name


def destination(
    redis: Redis,
    connections: Connections,
    cipher: accounts.Cipher,
    queue: Queue,
    audience: Mapping[str, Any] | None = None,
) -> Destination:
    """Return where a queue delivers to. `audience` replaces the CDP's facts. Raises Held when a setting is wrong."""
    return destination_by(queue_facts.read(redis, queue), connections, cipher, queue, audience)


def destination_by(
    seen: QueueFacts,
    connections: Connections,
    cipher: accounts.Cipher,
    queue: Queue,
    audience: Mapping[str, Any] | None = None,
) -> Destination:
    """Return where a queue delivers to by what was `seen` of it, like `destination`."""
    connection = _configured(seen, connections, queue.connection)
    account = _account(seen, cipher)
    api_key = _api_key(seen, connection, account, cipher)
    facts = seen.audience if audience is None else audience
    return resolve(connection, api_key, account.settings, facts, queue.target)


def resolve(
    connection: Connection, api_key: str, account: Mapping[str, str], audience: Mapping[str, Any], target: str
) -> Destination:
    """Combine the connection with the CDP's settings of account and audience, which win. Pure. Raises Held."""
    settings: Mapping[str, str] = audience.get("settings") or {}
    own = connection.audiences.get(target)
    return Destination(
        api_key=api_key,
        rules=_rules(account, settings, connection.rules),
        list_id=(own and own.list_id) or (settings.get("listId") or "").strip() or None,
        list_name=(visible(own.list_name) if own else "") or visible(settings.get("listName")) or None,
        known_as=visible(audience.get("name")) or f"Audience {target}",
        given_id=(settings.get("klaviyoListId") or "").strip() or None,
        allow_global_unsubscribe=connection.allow_global_unsubscribe,
        consent_mapping=_consent_mapping(settings) or connection.consent_mapping,
        consent_removal=connection.consent_removal,
        identity=connection.identity,
        shared_list=connection.may_share(target),
    )


def rules_of(redis: Redis, connections: Connections, cipher: accounts.Cipher, queue: Queue) -> Rules:
    """Return the current mapping rules of a queue. Raises Held when a person has to correct a setting first."""
    seen = queue_facts.read(redis, queue)
    connection = _configured(seen, connections, queue.connection)
    settings = seen.audience.get("settings") or {}
    return _rules(_account(seen, cipher).settings, settings, connection.rules)


def limiter_of(redis: Redis, api_key: str) -> RedisLimiter:
    """Return the limiter of the key's account, which all workers share."""
    return RedisLimiter(redis, fingerprint(api_key), PUBLISHED)


def usable_key(redis: Redis, connections: Connections, cipher: accounts.Cipher, name: str) -> str:
    """Return the API key of a connection whose settings are valid. Raises Held when they are not."""
    seen = queue_facts.read(redis, name)
    connection = _configured(seen, connections, name)
    account = _account(seen, cipher)
    _rules(account.settings, {}, connection.rules)
    return _api_key(seen, connection, account, cipher)


def _account(seen: QueueFacts, cipher: accounts.Cipher) -> accounts.AccountSettings:
    try:
        return accounts.recalled(seen.account, cipher) or accounts.AccountSettings({})
    except (NoSecretKey, SecretKeyChanged) as fault:
        raise Held("api_key_unreadable", str(fault)) from fault


def _kept_key(seen: QueueFacts, cipher: accounts.Cipher) -> str | None:
    try:
        return accounts.opened(seen.kept, cipher) if seen.kept else None
    except (NoSecretKey, SecretKeyChanged) as fault:
        raise Held("api_key_unreadable", str(fault)) from fault


def _api_key(
    seen: QueueFacts, connection: Connection, account: accounts.AccountSettings, cipher: accounts.Cipher
) -> str:
    api_key = account.api_key or connection.api_key or _kept_key(seen, cipher)
    if not api_key:
        raise Held(
            "no_api_key",
            f"run `ferry connections add {connection.name}`, or set KLAVIYO_API_KEY, or apiKey in the CDP's connection "
            "settings, then release",
        )
    if not _KEY.fullmatch(api_key):
        raise Held(
            "api_key_malformed", "the API key contains spaces or other invalid characters; copy it again, then release"
        )
    return api_key


def _configured(seen: QueueFacts, connections: Connections, name: str) -> Connection:
    connections.include(seen.added)
    try:
        return connections.named(name)
    except UnknownConnection as fault:
        remedy = f"add it again with `ferry connections add {name}`, or in connections.toml and restart, then release"
        raise Held("connection_unknown", f"{fault}; {remedy}") from fault


def _rules(account: Mapping[str, str], audience: Mapping[str, str], base: Rules) -> Rules:
    try:
        return rules_from_mparticle(account, audience, base)
    except ValueError as fault:
        raise Held("setting_wrong", f"{fault}; correct it in the CDP, then release") from fault


def _consent_mapping(audience: Mapping[str, str]) -> Mapping[str, Channel]:
    try:
        return parse_consents(audience.get("consentMapping"))
    except ValueError as fault:
        raise Held("setting_wrong", f"consentMapping: {fault}; correct it in the CDP, then release") from fault


def has_known_account(seen: QueueFacts, settings: Settings, api_key: str) -> bool:
    """Return whether the connection is known to deliver to the account of this key."""
    return accounts.is_known(seen.klaviyo, _mark(settings, api_key))


def check_account(redis: Redis, settings: Settings, connection: str, api_key: str, klaviyo: Klaviyo) -> None:
    """Ask Klaviyo for the account of a key that is not known yet.

    Raises AccountChanged, or NotAccepted while Klaviyo does not tell it.
    """
    key = _mark(settings, api_key)
    account = klaviyo.account().id or ""
    before = accounts.note(redis, connection, key, account)
    if before is not None:
        raise AccountChanged(MovedAccount(key, account, before), _resolve(connection, account, before))


def has_new_key(redis: Redis, settings: Settings, connection: str, moved: MovedAccount) -> bool:
    """Return whether the connection has another key than the held one. A held batch checks every 30 s.

    This sends no request: the next delivery asks Klaviyo for the account of the new key, and holds the connection again
    if needed.
    """
    try:
        api_key = usable_key(redis, settings.connections, Cipher(settings.secret_keys), connection)
    except Held:
        return False
    return _mark(settings, api_key) != moved.key


def confirm_account(redis: Redis, settings: Settings, connection: str, api_key: str, account: str | None) -> None:
    """Let the connection deliver to the account of this key, as a person confirmed."""
    accounts.confirm(redis, connection, _mark(settings, api_key), account or "")


def _mark(settings: Settings, api_key: str) -> str:
    # Includes the address: an emulator accepts any key, so a key tried there says nothing about Klaviyo.
    return fingerprint(f"{settings.klaviyo_base_url} {api_key}")


def _resolve(connection: str, account: str, before: str) -> str:
    return (
        f"The key of {connection} belongs to {account_name(account)}; until now its people went to "
        f"{account_name(before)}. To keep the previous account, set one of its keys: delivery continues automatically. "
        f"To deliver to {account_name(account)} from now on: `ferry release {connection}`"
    )


def account_name(account: str) -> str:
    """Return the account in words."""
    return f"account {account}" if account else _UNNAMED
