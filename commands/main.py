"""`ferry`: the command, and where each of its subcommands is."""

from __future__ import annotations

import os
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from commands.over_url import Group
from configuration import settings
from configuration.settings import SettingsError
from ops.errors import Misconfigured
from text.escaping import visible_lines

#: Name -> module and object, in the order of the help. Imported when used: `ferry status` needs no web server.
_COMMANDS = {
    "demo": "commands.demo:demo",
    "up": "commands.up:up",
    "status": "commands.status:status",
    "flush": "commands.flush:flush",
    "hold": "commands.holds:hold",
    "holds": "commands.holds:list_holds",
    "release": "commands.holds:release",
    "dead": "commands.dead:dead",
    "explain": "commands.explain:explain",
    "preview": "commands.preview:preview",
    "sync": "commands.sync:sync",
    "syncs": "commands.syncs:syncs",
    "reconcile": "commands.reconcile:reconcile",
    "preflight": "commands.preflight:preflight",
    "export": "commands.export:export",
    "estimate": "commands.estimate:estimate",
    "doctor": "commands.doctor:doctor",
    "connections": "commands.connections.group:connections",
    "senders": "commands.senders:senders",
    "selftest": "commands.selftest:selftest",
    "release-check": "commands.release_check:release_check",
    "users": "commands.users:users",
    "audit": "commands.audit:audit",
    "alerts": "commands.alerts:alerts",
    "registration": "commands.registration:registration",
    "web": "commands.web:web",
    "scheduler": "commands.scheduler:scheduler",
    "worker": "commands.worker:worker",
    "emulator": "commands.emulator:emulator",
}


class _Ferry(Group):
    """Imports a command when it is asked for; turns wrong settings into a message and exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """What one needs first comes first."""
        return list(_COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command and what is left of the arguments; FERRY_PREFIX is settled before anything of it is imported."""
        settings.adopt_prefix(Path(_named_folder(args) or os.environ.get("FERRY_VAR") or "var"))
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None when there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it says when it cannot steers no terminal."""
        try:
            return super().invoke(ctx)
        except SettingsError as fault:
            raise Misconfigured(visible_lines(str(fault))) from fault
        except click.ClickException as fault:
            # It may name an audience, or say what a server answered.
            fault.message = visible_lines(fault.message)  # type: ignore[misc]  # final to subclasses of click's own
            raise


def _named_folder(args: list[str]) -> str | None:
    """What `--var` says, looked up before the command is there to read its options."""
    for word, following in pairwise([*args, ""]):
        if word == "--var":
            return following
        if word.startswith("--var="):
            return word.removeprefix("--var=")
    return None


@click.group(cls=_Ferry, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ferry")
@click.option(
    "--url",
    envvar="FERRY_URL",
    metavar="URL",
    help="A Ferry elsewhere, such as https://ferry.example.com, over its API, with a user's token in FERRY_TOKEN.",
)
@click.pass_context
def main(context: click.Context, url: str | None) -> None:
    """Ferry forwards audience membership changes to Klaviyo, in bulk, from a durable queue.

    `ferry demo` shows it at work, `ferry up` runs it on this machine, `ferry status` says what is going on, and
    `ferry doctor` what is wrong.

    Exit codes: 0 fine, 1 failed, 2 wrong usage or settings.
    """
    context.obj = url
