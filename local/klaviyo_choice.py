"""Decides which Klaviyo `ferry up` delivers to: the real one only if the user said so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from configuration.checks import is_local
from configuration.settings import KLAVIYO, Settings
from local.group import EMULATOR_KEY
from ops.errors import Misconfigured

_REMEDY: Final = (
    "Ferry did not start. To deliver to the real Klaviyo: ferry up --live. To use the local emulator instead, remove "
    "the keys from the environment and connections.toml, and use an empty folder (--var)."
)


def starts_emulator(known: Settings, before: Mapping[str, str], live: bool, ask: Callable[[str], bool]) -> bool:
    """Return whether the group starts an emulator; otherwise it delivers to the Klaviyo in the settings.

    `before`: the group file of the last start in this folder; empty at the first start. `live`: the option --live.
    `ask`: asks the user a question and returns whether the answer was yes. Raises Misconfigured without a yes.
    """
    if is_local(known.klaviyo_base_url):
        if live:
            raise Misconfigured(
                f"--live is for the real Klaviyo, but KLAVIYO_BASE_URL names an emulator, {known.klaviyo_base_url}: "
                "unset it, or leave --live out."
            )
        return False
    if live:
        return False
    why = _points_to_real(known, before)
    if why is None:
        return True
    if ask(f"{why}. Deliver to {known.klaviyo_base_url}, to real people?"):
        return False
    raise Misconfigured(f"{why}, but nobody confirmed that Ferry may change real people's data.\n{_REMEDY}")


def _points_to_real(known: Settings, before: Mapping[str, str]) -> str | None:
    """Return the reason to expect the real Klaviyo: with an emulator, real people would count as delivered."""
    keyed = [each.name for each in known.connections if each.api_key not in (None, EMULATOR_KEY)]
    if keyed:
        return f"there {'is a Klaviyo key' if len(keyed) == 1 else 'are Klaviyo keys'} for {_listed(keyed)}"
    if known.klaviyo_base_url != KLAVIYO:
        return f"KLAVIYO_BASE_URL names {known.klaviyo_base_url}"
    if _was_real(before):
        return "the group in this folder was last started for the real Klaviyo"
    return None


def _was_real(before: Mapping[str, str]) -> bool:
    if not before or before.get("KLAVIYO_API_KEY") == EMULATOR_KEY:
        return False
    return not is_local(before.get("KLAVIYO_BASE_URL", KLAVIYO))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"connection {name}" for name in names)
