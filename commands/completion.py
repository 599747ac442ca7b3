"""`ferry completion`: print the completion script of a shell."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from ops.output import echo_result

#: The variable by which the script asks `ferry` for completions; click derives it from the command's name.
_VARIABLE: Final = "_FERRY_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    It completes commands, options and fixed values; it asks no server. Put one of these lines into the shell's start
    file:

    \b
    Examples:
      eval "$(ferry completion bash)"           # ~/.bashrc
      eval "$(ferry completion zsh)"            # ~/.zshrc
      ferry completion fish | source            # ~/.config/fish/config.fish
    """
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"{shell} has no completion")
    echo_result(made(context.find_root().command, {}, "ferry", _VARIABLE).source())
