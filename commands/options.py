"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from configuration import settings
from ops.dead_letters.selecting import age_ms
from ops.output import JSON, QUIET

Command = TypeVar("Command", bound=Callable[..., Any])


def _set_var(_context: click.Context, _parameter: click.Parameter, folder: Path | None) -> None:
    if folder is not None:
        os.environ["FERRY_VAR"] = str(folder)


def _find_group(context: click.Context, parameter: click.Parameter, folder: Path | None) -> None:
    if folder is not None:
        settings.check_group(folder)
    _set_var(context, parameter, folder)


def _var(
    callback: Callable[[click.Context, click.Parameter, Path | None], None], text: str
) -> Callable[[Command], Command]:
    return click.option(
        "--var",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        expose_value=False,
        is_eager=True,
        callback=callback,
        help=f"{text}  [default: FERRY_VAR, else ./var]",
    )


def var_option(command: Command) -> Command:
    """Add `--var DIR`: the folder of a running `ferry up`; the same as FERRY_VAR, which settings.load() reads."""
    return _var(_find_group, "Folder of `ferry up`.")(command)


def new_var_option(command: Command) -> Command:
    """Add the `--var DIR` of `ferry up`, which creates the folder."""
    return _var(_set_var, "Folder for its data and secrets.")(command)


def var_folder() -> Path:
    """Return the folder that `--var` or FERRY_VAR names."""
    return Path(os.environ.get("FERRY_VAR") or "var")


def json_option(command: Command) -> Command:
    """Add `--json`, for programs, and `--quiet`. With `--json` stdout has JSON only."""
    option = click.option("--json", "as_json", is_flag=True, callback=_keep(JSON), help="Print JSON, for programs.")
    return quiet_option(option(command))


def json_lines_option(command: Command) -> Command:
    """Add the same for a command that prints a line of JSON for each step, by ops/output.py alone."""
    text = "Print a line of JSON for each step."
    option = click.option("--json", is_flag=True, expose_value=False, callback=_keep(JSON), help=text)
    return quiet_option(option(command))


def quiet_option(command: Command) -> Command:
    """Add `--quiet`, for scripts that need only the exit code."""
    text = "Print only warnings and errors."
    return click.option("--quiet", is_flag=True, expose_value=False, callback=_keep(QUIET), help=text)(command)


def _keep(name: str) -> Callable[[click.Context, click.Parameter, bool], bool]:
    """Return a callback that keeps an option where ops/output.py finds it."""

    def keep(context: click.Context, _parameter: click.Parameter, given: bool) -> bool:
        context.meta[name] = given or context.meta.get(name, False)
        return given

    return keep


def csv_safe_option(command: Command) -> Command:
    """Add `--csv-safe`, for spreadsheets."""
    text = "For spreadsheets: put an apostrophe before formulas, escape invisible characters."
    return click.option("--csv-safe", is_flag=True, help=text)(command)


def _age(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int:
    try:
        return 0 if text is None else age_ms(text)
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from fault


def filters(command: Command) -> Command:
    """Add `--queue`, `--reason` and `--older-than`, which select dead letters."""
    for option in (
        click.option("--older-than", "older_ms", callback=_age, metavar="AGE", help="Minimum age: 7d, 12h."),
        click.option("--reason", help="Only this reason, such as no_email."),
        click.option("--queue", metavar="QUEUE", help="Only this queue; id or audience, as for `ferry flush`."),
    ):
        command = option(command)
    return command
