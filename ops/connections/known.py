"""What adding, exchanging and removing a connection share."""

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

#: How a key is exchanged that Ferry does not keep, by its origin.
ELSEWHERE: Final = {
    "environment": "Ferry cannot change its environment: set KLAVIYO_API_KEY, or what api_key_env names in "
    "connections.toml, to the new key and restart web, scheduler and worker.",
    "CDP": "The CDP sends this key with its messages: change apiKey in the CDP's settings; to be "
    "rid of it, `ferry connections undo-key`.",
}

#: Where a key comes from, by its origin.
WHENCE: Final = {
    "environment": "its key comes from the environment",
    "CDP": "its key comes from the CDP",
    "kept": "its key is kept by Ferry",
}


def settings_with_secret() -> Settings:
    """The settings of an installation that can keep keys. Raises Misconfigured."""
    known = settings.load()
    if not known.secret_keys:
        raise Misconfigured(str(NoSecretKey()))
    return known


def tell_hold(redis: Redis, name: str) -> None:
    """Where the connection is held, say how it goes on."""
    hold = holds.of_connections(redis).get(name)
    if hold and hold.probed:
        echo(f"It is held ({visible(hold.reason)}) and goes on by itself within minutes; at once: ferry release {name}")
    elif hold:
        echo(f"It is held ({visible(hold.reason)}). Let it go on with: ferry release {name}")
