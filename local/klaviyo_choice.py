"""To which Klaviyo `ferry up` delivers: to the real one only when somebody said so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from configuration.checks import is_local
from configuration.settings import KLAVIYO, Settings
from local.group import EMULATOR_KEY
from ops.errors import Misconfigured

_REMEDY: Final = (
    "Nothing was started. To deliver to the real Klaviyo: ferry up --live. For a local one, to which nobody is sent: "
    "take the keys out of the environment and of connections.toml, and use an empty folder (--var)."
)


def starts_emulator(known: Settings, before: Mapping[str, str], live: bool, ask: Callable[[str], bool]) -> bool:
    """Whether the group starts an emulator; else it delivers to the Klaviyo of the settings.

    `before`: the group file of the last start in this folder; empty at the first. `live`: it was said by --live.
    `ask`: puts a question and says whether the answer was yes. Raises Misconfigured where nobody said yes.
    """
    if is_local(known.klaviyo_base_url):
        if live:
            raise Misconfigured(
                f"--live is for the real Klaviyo, and KLAVIYO_BASE_URL names an emulator, {known.klaviyo_base_url}: "
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
    raise Misconfigured(f"{why}, and nobody said that real people may be written to.\n{_REMEDY}")


def _points_to_real(known: Settings, before: Mapping[str, str]) -> str | None:
    """What speaks for the real Klaviyo: an emulator in its place would take real people for delivered."""
    keyed = [each.name for each in known.connections if each.api_key not in (None, EMULATOR_KEY)]
    if keyed:
        return f"there {'is a Klaviyo key' if len(keyed) == 1 else 'are Klaviyo keys'} for {_listed(keyed)}"
    if known.klaviyo_base_url != KLAVIYO:
        return f"KLAVIYO_BASE_URL names {known.klaviyo_base_url}"
    if _was_real(before):
        return "the group of this folder was last started for the real Klaviyo"
    return None


def _was_real(before: Mapping[str, str]) -> bool:
    if not before or before.get("KLAVIYO_API_KEY") == EMULATOR_KEY:
        return False
    return not is_local(before.get("KLAVIYO_BASE_URL", KLAVIYO))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"connection {name}" for name in names)
