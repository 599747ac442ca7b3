"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

import settings

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
    """`--var DIR`: the folder of a running `ferry up`; the same as FERRY_VAR, which settings.load() reads."""
    return _var(_find_group, "Folder of `ferry up`.")(command)


def new_var_option(command: Command) -> Command:
    """`--var DIR` of `ferry up` itself, which makes the folder."""
    return _var(_set_var, "Folder for its data and secrets.")(command)


def var_folder() -> Path:
    """The folder that `--var` or FERRY_VAR names."""
    return Path(os.environ.get("FERRY_VAR") or "var")


def json_option(command: Command) -> Command:
    """`--json`: for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)
