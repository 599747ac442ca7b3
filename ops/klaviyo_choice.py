"""To which Klaviyo `ferry up` delivers: to the real one only when somebody said so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Final

from ops.errors import Misconfigured
from ops.group import EMULATOR_KEY
from settings import KLAVIYO, Settings
from settings_checks import is_local


class Klaviyo(Enum):
    """STARTED: an emulator of the group's own. LOCAL: one that KLAVIYO_BASE_URL names. REAL: Klaviyo itself."""

    STARTED = "started"
    LOCAL = "local"
    REAL = "real"


_REMEDY: Final = (
    "Nothing was started. To deliver to the real Klaviyo: ferry up --live. For a local one, to which nobody is sent: "
    "take the keys out of the environment and of connections.toml, and use an empty folder (--var)."
)


def choose(known: Settings, before: Mapping[str, str], live: bool, ask: Callable[[str], bool]) -> Klaviyo:
    """`before`: the group file of the last start in this folder; empty at the first. `live`: it was said by --live.

    `ask`: puts a question and says whether the answer was yes. Raises Misconfigured where nobody said yes.
    """
    if is_local(known.klaviyo_base_url):
        if live:
            raise Misconfigured(
                f"--live is for the real Klaviyo, and KLAVIYO_BASE_URL names an emulator, {known.klaviyo_base_url}: "
                "unset it, or leave --live out."
            )
        return Klaviyo.LOCAL
    if live:
        return Klaviyo.REAL
    why = _points_to_real(known, before)
    if why is None:
        return Klaviyo.STARTED
    if ask(f"{why}. Deliver to {known.klaviyo_base_url}, to real people?"):
        return Klaviyo.REAL
    raise Misconfigured(f"{why}, and nobody said that real people may be written to.\n{_REMEDY}")


def _points_to_real(known: Settings, before: Mapping[str, str]) -> str | None:
    """What speaks for the real Klaviyo: an emulator in its place would take real people for delivered."""
    keyed = [each.name for each in known.connections if each.api_key not in (None, EMULATOR_KEY)]
    if keyed:
        return f"there {'is a Klaviyo key' if len(keyed) == 1 else 'are Klaviyo keys'} for {_listed(keyed)}"
    if known.klaviyo_base_url != KLAVIYO:
        return f"KLAVIYO_BASE_URL names {known.klaviyo_base_url}"
    if _was_real(before):
        return "the group of this folder delivered to the real Klaviyo before"
    return None


def _was_real(before: Mapping[str, str]) -> bool:
    if not before or before.get("KLAVIYO_API_KEY") == EMULATOR_KEY:
        return False
    return not is_local(before.get("KLAVIYO_BASE_URL", KLAVIYO))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"connection {name}" for name in names)
