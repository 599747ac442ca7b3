"""The commands that work over `--url`."""

from __future__ import annotations

from typing import Final

import click

from ops.errors import Misconfigured

#: Commands that need an installation's API, and nothing else of the machine they run on.
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
    """A group that, with `--url`, refuses subcommands that must run where Ferry runs; it shows only their help."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the subcommand and the remaining arguments. Raises Misconfigured."""
        name, command, rest = super().resolve_command(ctx, args)
        if ctx.resilient_parsing:  # for the completion of a shell nothing runs
            return name, command, rest
        asked = " ".join([*ctx.command_path.split()[1:], str(name)])
        if ctx.find_root().params.get("url") is None or _is_over_url(asked):
            return name, command, rest
        if not set(ctx.help_option_names) & set(rest):
            raise Misconfigured(
                f"`ferry {asked}` works only on the machine that runs Ferry. Over --url (FERRY_URL) these work: "
                f"{', '.join(_OVER_URL)}. For this machine, omit --url and unset FERRY_URL."
            )
        # Only the help: if -h was the value of an option, the command would run here instead of on the remote Ferry.
        return name, command, [*(rest[:1] if isinstance(command, click.Group) else ()), "--help"]


def _is_over_url(asked: str) -> bool:
    return any(f"{known} ".startswith(f"{asked} ") for known in _OVER_URL)
