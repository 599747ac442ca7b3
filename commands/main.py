"""`ferry`: the command, and where each subcommand is defined."""

from __future__ import annotations

import gc
import os
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import click
from click.exceptions import NoSuchCommand
from click.shell_completion import CompletionItem

from configuration.errors import SettingsError
from ops.errors import Misconfigured
from text.escaping import visible_lines

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
#: Name -> module and object, and its line in the help, in the order of the help. A command is imported only when it is
#: used, and not for the help: `ferry status` needs no web server.
COMMANDS: Final = {
    "demo": ("commands.demo:demo", "Show Ferry at work, in half a minute."),
    "up": ("commands.up:up", "Start everything and keep it running."),
    "init": ("commands.init:init", "Write the settings of a new installation."),
    "open": ("commands.open:open_", "Print the console's address and a sign-in link."),
    "status": ("commands.status:status", "Show what is pending, what comes next and what failed."),
    "flush": ("commands.flush:flush", "Send pending changes now."),
    "hold": ("commands.holds:hold", "Stop sending from a queue or connection."),
    "holds": ("commands.holds:list_holds", "List what is held, why, and what ends it."),
    "release": ("commands.holds:release", "Release a held queue or connection."),
    "dead": ("commands.dead:dead", "List dead letters and replay them."),
    "explain": ("commands.explain:explain", "Show the history of one person."),
    "preview": ("commands.preview:preview", "Show what a message would become."),
    "sync": ("commands.sync:sync", "Make a list equal to a file."),
    "queries": ("commands.queries.group:queries", "Run queries of your database on a schedule."),
    "syncs": ("commands.syncs:syncs", "List snapshots, newest first, with their counts."),
    "campaign": ("commands.campaign:campaign", "Fill the lists of a campaign from files or audiences."),
    "reconcile": ("commands.reconcile:reconcile", "Compare Klaviyo's list with what Ferry put there."),
    "preflight": ("commands.preflight:preflight", "Count the people of an audience who can be mailed."),
    "export": ("commands.export:export", "Write people into files for Klaviyo's SFTP import."),
    "estimate": ("commands.estimate:estimate", "Estimate how long an upload takes."),
    "doctor": ("commands.doctor:doctor", "Check everything and say what to fix."),
    "connections": (
        "commands.connections.group:connections",
        "List, add, test and remove connections; rotate their keys.",
    ),
    "senders": ("commands.senders:senders", "List the senders: what each may post, and its last use."),
    "selftest": ("commands.selftest:selftest", "Try a round trip on a Klaviyo TEST account."),
    "release-check": ("commands.release_check:release_check", "Check whether this release may start."),
    "users": ("commands.users:users", "Manage who may view, act and see personal data."),
    "audit": ("commands.audit:audit", "Show the audit log, newest first."),
    "alerts": ("commands.alerts:alerts", "List active alerts."),
    "registration": ("commands.registration:registration", "Print the registration for mParticle."),
    "web": ("commands.web:web", "Run the intake and the console."),
    "scheduler": ("commands.scheduler:scheduler", "Run the scheduler alone."),
    "worker": ("commands.worker:worker", "Run a worker alone."),
    "emulator": ("commands.emulator:emulator", "Run a local Klaviyo."),
    "health": ("commands.health:health", "Check one process, for containers."),
    "completion": ("commands.completion:completion", "Print the completion script of a shell."),
}


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


class _Ferry(UrlAwareGroup):
    """The group that imports a command when it is used, and turns wrong settings into a message and exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, those needed first at the top."""
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command and the remaining arguments; set what modules read from the environment at import."""
        gc.disable()  # imported modules leave no garbage, and the search for it is a tenth of the time that they take
        try:
            if not ctx.resilient_parsing:
                from configuration import settings  # loads libraries that `ferry --help` does not need

                settings.adopt_at_import(Path(_named_folder(args) or os.environ.get("FERRY_VAR") or "var"))
            return super().resolve_command(ctx, args)
        except NoSuchCommand as fault:
            raise NoSuchCommand(fault.command_name, possibilities=COMMANDS, ctx=ctx) from None
        finally:
            gc.enable()

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """Return what completes a word, without importing the commands."""
        found = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; escape the control characters in its error messages."""
        try:
            return super().invoke(ctx)
        except SettingsError as fault:
            raise Misconfigured(visible_lines(str(fault))) from fault
        except click.ClickException as fault:
            # It may contain an audience's name or a server's answer.
            fault.message = visible_lines(fault.message)  # type: ignore[misc]  # final to subclasses of click's own
            raise


def _named_folder(args: list[str]) -> str | None:
    """Return the value of `--var`, which is needed before the command can parse its options."""
    for word, following in pairwise([*args, ""]):
        if word == "--var":
            return following
        if word.startswith("--var="):
            return word.removeprefix("--var=")
    return None


@click.group(cls=_Ferry, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ferry-klaviyo", prog_name="ferry")
@click.option(
    "--url",
    envvar="FERRY_URL",
    metavar="URL",
    help="Use a remote Ferry over its API, such as https://ferry.example.com, with a user's token in FERRY_TOKEN.",
)
@click.pass_context
def main(context: click.Context, url: str | None) -> None:
    """Ferry forwards audience membership changes to Klaviyo, in bulk, from a durable queue.

    `ferry demo` shows it at work, `ferry up` runs it on this machine, `ferry status` shows its state, and
    `ferry doctor` finds problems.

    Exit codes: 0 success, 1 failure, 2 wrong usage or settings, 3 something is stuck (`ferry status --check`), 4 the
    time to wait is over (`ferry queries run --wait`).

    \b
    Examples:
      ferry demo
      ferry up
      ferry status --watch
      ferry --url https://ferry.example.com status
    """
    context.obj = url
