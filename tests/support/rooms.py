"""The rooms of Ferry and their modules, for tests of what stands in the code itself."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from typing import Final

from tests.support.paths import ROOT

#: The packages whose imports are checked.
ALL: Final = tuple(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"])
#: Those that are Ferry at work: the emulator is Klaviyo.
ROOMS: Final = tuple(room for room in ALL if room != "emulator")


def modules(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    """The modules of some rooms, each by its path from the root."""
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())
