"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def _set_var(_context: click.Context, _parameter: click.Parameter, folder: Path | None) -> None:
    if folder is not None:
        os.environ["FERRY_VAR"] = str(folder)


def var_option(command: Command) -> Command:
    """`--var DIR`: the folder of a `ferry up`; the same as FERRY_VAR, which settings.load() reads."""
    return click.option(
        "--var",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        expose_value=False,
        is_eager=True,
        callback=_set_var,
        help="Folder of `ferry up`.  [default: FERRY_VAR, else ./var]",
    )(command)


def var_folder() -> Path:
    """The folder that `--var` or FERRY_VAR names."""
    return Path(os.environ.get("FERRY_VAR") or "var")


def json_option(command: Command) -> Command:
    """`--json`: for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def csv_safe_option(command: Command) -> Command:
    """`--csv-safe`: for spreadsheets."""
    text = "For a spreadsheet: an apostrophe before what would be a formula, unseen characters written out."
    return click.option("--csv-safe", is_flag=True, help=text)(command)
