"""Which commands work over `--url`."""

from __future__ import annotations

from typing import Final

import click

from ops.errors import Misconfigured

#: Commands that speak to an installation, and to nothing else of the machine they run on.
_OVER_URL: Final = (
    "status",
    "flush",
    "hold",
    "holds",
    "release",
    "dead list",
    "dead show",
    "dead replay",
    "audit",
    "connections list",
)


def check_over_url(context: click.Context) -> None:
    """Refuse, under `--url`, a subcommand that needs to run where Ferry does. Raises Misconfigured."""
    asked = " ".join([*context.command_path.split()[1:], str(context.invoked_subcommand)])
    if context.find_root().obj is None or any(f"{known} ".startswith(f"{asked} ") for known in _OVER_URL):
        return
    raise Misconfigured(
        f"`ferry {asked}` works on the machine that runs Ferry; over --url (FERRY_URL) there are: "
        f"{', '.join(_OVER_URL)}. For this machine, leave --url out and unset FERRY_URL."
    )
