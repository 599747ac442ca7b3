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
    "dead confirm",
    "audit",
    "connections list",
)


class UrlAwareGroup(click.Group):
    """Refuses, under `--url`, a subcommand that needs to run where Ferry does, and gives no more than its help."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand and what is left of the arguments. Raises Misconfigured."""
        name, command, rest = super().resolve_command(ctx, args)
        asked = " ".join([*ctx.command_path.split()[1:], str(name)])
        if ctx.find_root().params.get("url") is None or _is_over_url(asked):
            return name, command, rest
        if not set(ctx.help_option_names) & set(rest):
            raise Misconfigured(
                f"`ferry {asked}` works on the machine that runs Ferry; over --url (FERRY_URL) there are: "
                f"{', '.join(_OVER_URL)}. For this machine, leave --url out and unset FERRY_URL."
            )
        # The help alone: where -h was the value of an option, the command would do here what was meant for elsewhere.
        return name, command, [*(rest[:1] if isinstance(command, click.Group) else ()), "--help"]


def _is_over_url(asked: str) -> bool:
    return any(f"{known} ".startswith(f"{asked} ") for known in _OVER_URL)
