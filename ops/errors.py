"""Errors of commands; click prints the message and ends with the exit code."""

from __future__ import annotations

import click


class Failed(click.ClickException):
    """A command failed: exit code 1. The message names the fault, its place, and the remedy."""

    exit_code = 1


class StillGoing(click.ClickException):
    """What a command waited for has not ended in the time that it was given, and goes on: exit code 4."""

    exit_code = 4


class Misconfigured(click.ClickException):
    """An argument or a setting is wrong: exit code 2."""

    exit_code = 2
