"""`<var>/group.env`: what `ferry up` made and decided, for the other commands and for its next start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

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
    draft = path(var).with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(_HEAD + "".join(f"{name}={_quoted(value)}\n" for name, value in values.items()))
    draft.replace(path(var))


def _quoted(value: str) -> str:
    # Single quotes: python-dotenv takes everything between them as it is, but for these two.
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
