"""Which destinations a message of Segment's is meant for (Segment: spec, common fields, integrations)."""

from __future__ import annotations

from typing import Any, Final

#: What senders call Klaviyo: RudderStack and Segment's first destination, and the one whose actions Ferry has.
_NAMES: Final = ("Klaviyo", "Klaviyo (Actions)")


def is_for_klaviyo(message: dict[str, Any]) -> bool:
    """Whether `integrations` lets the message through: a destination that is named is asked for unless it is false.

    `All` speaks for those that are not named. Only `false` keeps a message away.
    """
    flags = message.get("integrations")
    if not isinstance(flags, dict):
        return True
    named = [flags[name] for name in _NAMES if name in flags] or [flags.get("All")]
    return any(flag is not False for flag in named)
