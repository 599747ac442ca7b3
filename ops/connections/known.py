"""Texts and steps shared by the commands that add, rotate and remove a connection."""

from __future__ import annotations

from typing import Final

from redis import Redis

from configuration import settings
from configuration.settings import Settings
from ops.errors import Misconfigured
from ops.output import echo
from queues import holds
from queues.errors import NoSecretKey
from text.escaping import visible

#: How to replace a key that Ferry does not store, by its origin.
ELSEWHERE: Final = {
    "environment": "Ferry cannot change its environment: set KLAVIYO_API_KEY, or the variable of api_key_env in "
    "connections.toml, to the new key and restart web, scheduler and worker.",
    "CDP": "The CDP sends this key with its messages: change apiKey in the CDP's settings; to "
    "remove it, use `ferry connections undo-key`.",
}

#: Where a key comes from, by its origin.
WHENCE: Final = {
    "environment": "its key comes from the environment",
    "CDP": "its key comes from the CDP",
    "kept": "its key is stored by Ferry",
}


def settings_with_secret() -> Settings:
    """Return the settings of an installation that can store keys. Raises Misconfigured."""
    known = settings.load()
    if not known.secret_keys:
        raise Misconfigured(str(NoSecretKey()))
    return known


def tell_hold(redis: Redis, name: str) -> None:
    """If the connection is held, print how the hold ends."""
    hold = holds.of_connections(redis).get(name)
    if hold and hold.probed:
        echo(f"It is held ({visible(hold.reason)}); that ends within minutes. To end it now: ferry release {name}")
    elif hold:
        echo(f"It is held ({visible(hold.reason)}). To release it: ferry release {name}")
