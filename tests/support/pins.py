"""The requirements files, and where they say something else than pyproject.toml does."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

#: File -> the groups of pyproject.toml that it pins.
FILES = {
    "requirements.txt": ("", "build"),
    "requirements-dev.txt": ("dev",),
    "requirements-bench.txt": ("bench",),
    "requirements-parquet.txt": ("parquet",),
    "requirements-clients.txt": ("clients",),
    "requirements-xlsx.txt": ("xlsx",),
    "requirements-sql.txt": ("sql",),
    "requirements-duckdb.txt": ("duckdb",),
    "requirements-mysql.txt": ("mysql",),
}
#: Those that are installed into an environment of their own.
APART = ("requirements-clients.txt",)
#: Those whose packages the tests have installed.
INSTALLED = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-parquet.txt",
    "requirements-xlsx.txt",
    "requirements-sql.txt",
    "requirements-duckdb.txt",
)
_PIN = re.compile(
    r"^(?P<pin>[a-z0-9-]+==[^ \n]+(?: ; [^\\\n]+)?)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n"
    r"(?P<why>(?:    #.*\n)+)",
    re.MULTILINE,
)
_OURS = " (pyproject.toml"


class Pin(NamedTuple):
    """A version of a package. `marker`: whether it is for this platform. `asked`: whether pyproject.toml names it."""

    version: str
    here: bool
    asked: bool


@cache
def pins(text: str) -> Mapping[str, Pin]:
    """What a requirements file pins. Raises ValueError for anything else in it than pins with hashes."""
    rest = _PIN.sub("", text)
    rest = re.sub(r"^#.*\n", "", rest, flags=re.MULTILINE).replace("--only-binary :all:\n", "", 1)
    if rest.strip():
        raise ValueError(f"is no pin with hashes: {rest.strip()[:200]}")
    found: dict[str, Pin] = {}
    for match in _PIN.finditer(text):
        pin = Requirement(match["pin"])
        (version,) = pin.specifier
        here = pin.marker is None or pin.marker.evaluate()
        # Of a package with several versions, each for some platforms, the one for this.
        if here or pin.name not in found:
            found[pin.name] = Pin(version.version, here, _OURS in match["why"])
    return found


def asked(pyproject: Mapping[str, Any], groups: Iterable[str]) -> list[Requirement]:
    """What pyproject.toml names in groups; in the group "", what runs."""
    found: list[Requirement] = []
    for group in groups:
        if not group:
            found += map(Requirement, pyproject["project"]["dependencies"])
            continue
        for line in pyproject["dependency-groups"][group]:
            found += asked(pyproject, [line["include-group"]]) if isinstance(line, dict) else [Requirement(line)]
    return found


def disagreements(pyproject: str, files: Mapping[str, str]) -> list[str]:
    """What is wrong, a line each. `pyproject` and `files` (by name): their texts."""
    read = tomllib.loads(pyproject)
    found: list[str] = []
    for name, text in files.items():
        wanted, pinned = asked(read, FILES[name]), pins(text)
        names = {canonicalize_name(each.name) for each in wanted}
        found += [
            f"{name}: {each} is not asked for any more" for each, pin in pinned.items() if pin.asked - (each in names)
        ]
        found += [f"{name}: {each} is missing" for each in sorted(names - pinned.keys())]
        found += [
            f"{name}: {each} is not {pinned[key].version}"
            for each in wanted
            if (key := canonicalize_name(each.name)) in pinned and not each.specifier.contains(pinned[key].version)
        ]
        if name in INSTALLED:
            found += _of_installed(name, wanted, {each: pin for each, pin in pinned.items() if pin.here})
    return found


def _of_installed(name: str, wanted: list[Requirement], pinned: Mapping[str, Pin]) -> list[str]:
    """Where the pins for this platform are not what the names come to, by what the installed packages say they need."""
    try:
        needed = _closure(wanted)
    except PackageNotFoundError as missing:
        return [f"{name}: {missing.name} is not installed: make .venv/dev"]
    found = [f"{name}: {each} is needed and not pinned" for each in sorted(needed.keys() - pinned.keys())]
    found += [f"{name}: {each} is pinned and not needed" for each in sorted(pinned.keys() - needed.keys())]
    return found + [
        f"{name}: {each} {needed[each]} is installed, and {pin.version} pinned: make .venv/dev"
        for each, pin in pinned.items()
        if each in needed and needed[each] != pin.version
    ]


def _closure(wanted: list[Requirement]) -> dict[str, str]:
    """The packages that these need on this platform, and their installed versions."""
    found: dict[str, str] = {}
    seen = set[tuple[str, str]]()
    rest = [(each, "") for each in wanted]
    while rest:
        requirement, extra = rest.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        found[name], needs = _installed(name)
        for of in {"", *requirement.extras}:
            if (name, of) not in seen:
                seen.add((name, of))
                rest += [(each, of) for each in needs]
    return found


@cache
def _installed(name: str) -> tuple[str, tuple[Requirement, ...]]:
    """The version of an installed package, and what it says it needs."""
    installed = distribution(name)
    return installed.version, tuple(map(Requirement, installed.requires or ()))


def written(folder: Path) -> tuple[str, dict[str, str]]:
    """The texts of pyproject.toml and of the requirements files in a folder."""
    return (folder / "pyproject.toml").read_text(), {name: (folder / name).read_text() for name in FILES}
