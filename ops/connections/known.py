"""Where the keys of connections come from, in words, and how the hold of one ends."""

from __future__ import annotations

from typing import Final

from redis import Redis

from ops.output import echo
from ops.status_words import reason_of
from queues import holds

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


def tell_hold(redis: Redis, name: str) -> None:
    """If the connection is held, print how the hold ends."""
    hold = holds.of_connections(redis).get(name)
    if hold and hold.probed:
        echo(f"It is held ({reason_of(hold)}); that ends within minutes. To end it now: ferry release {name}")
    elif hold:
        echo(f"It is held ({reason_of(hold)}). To release it: ferry release {name}")
