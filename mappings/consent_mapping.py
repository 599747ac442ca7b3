"""Reads a consent mapping: which consent purposes stand for which of Klaviyo's channels (mParticle: data privacy)."""

from __future__ import annotations

from typing import Any, Final, Literal

from mappings.entries import entries

Channel = Literal["email", "sms"]
CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms")
_MAPTYPE: Final = "ConsentPurposes"


def parse(text: str | None) -> dict[str, Channel]:
    """Purpose (lower case: mParticle's SDKs fold it) -> channel.

    `text`: as `mappings.entries` reads it; several purposes may stand for one channel. Raises ValueError naming the
    entry that is wrong by its number, and never its words.
    """
    result: dict[str, Channel] = {}
    for place, purpose, target in entries("consent mapping", text, _MAPTYPE):
        name, channel = _purpose(place, purpose), _channel(place, target)
        if result.setdefault(name, channel) != channel:
            raise ValueError(f"{place}: the purpose already stands for {result[name]!r}; keep one of the two")
    return result


def _purpose(place: str, purpose: Any) -> str:
    if not isinstance(purpose, str) or not purpose.strip():
        raise ValueError(f"{place}: it names no purpose")
    return purpose.strip().lower()


def _channel(place: str, target: Any) -> Channel:
    for channel in CHANNELS:
        if isinstance(target, str) and target.strip().lower() == channel:
            return channel
    raise ValueError(f"{place}: the channel is not one of {', '.join(CHANNELS)}")
