"""`<var>/group.env`: what `ferry up` made and decided, for the other commands and for its next start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from ops import whole_file
from settings import GROUP_FILE

_HEAD = "# Written by `ferry up`; read by the other commands where REDIS_URL is unset. Holds secrets.\n"


def path(var: Path) -> Path:
    """Where it is."""
    return var / GROUP_FILE


def read(var: Path) -> dict[str, str]:
    """What was written last; empty before the first time."""
    return {name: value for name, value in dotenv_values(path(var)).items() if value}


def write(var: Path, values: Mapping[str, str]) -> None:
    """Replace the file, readable by its owner only; never half-written."""
    whole_file.write(path(var), _HEAD + "".join(f"{name}={_quoted(value)}\n" for name, value in values.items()))


def _quoted(value: str) -> str:
    # Single quotes: python-dotenv takes everything between them as it is, but for these two.
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
