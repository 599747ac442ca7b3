"""The options of `ferry dead` that say which letters are meant."""

from __future__ import annotations

import re
from typing import Final

import click

from ops.options import Command

#: What an age looks like: `30m`, `12h`, `7d`.
AGE: Final = r"([0-9]{1,10})([mhd])"
_UNITS_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000}


def age_ms(text: str) -> int:
    """The ms of an age. Raises ValueError for what is none."""
    match = re.fullmatch(AGE, text)
    if match is None:
        raise ValueError(f"{text!r} is not a length of time such as 30m, 12h or 7d")
    return int(match[1]) * _UNITS_MS[match[2]]


def age(ms: int) -> str:
    """What `age_ms` reads so; `ms`: whole minutes."""
    return next(f"{ms // unit}{name}" for name, unit in _UNITS_MS.items() if ms % unit == 0)


def _age(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int:
    try:
        return 0 if text is None else age_ms(text)
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from fault


def filters(command: Command) -> Command:
    """`--queue`, `--reason`, `--older-than`: which letters are meant (letters.py)."""
    for option in (
        click.option("--older-than", "older_ms", callback=_age, metavar="AGE", help="Died so long ago: 7d, 12h."),
        click.option("--reason", help="Died of this, such as no_email."),
        click.option("--queue", metavar="QUEUE", help="Only of this queue; id or audience, as for `ferry flush`."),
    ):
        command = option(command)
    return command
