"""What a command says when it cannot do what was asked; click prints the message and ends with the exit code."""

from __future__ import annotations

import click


class Failed(click.ClickException):
    """It did not work: exit code 1. The message says what, where, and the remedy."""

    exit_code = 1


class Misconfigured(click.ClickException):
    """It was asked for in a way that cannot work, by an argument or a setting: exit code 2."""

    exit_code = 2
