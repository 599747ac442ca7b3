"""Compare this tree with another revision by CPU time and memory: `make bench-compare REV=...`.

Both are measured by this tree's benchmarks, so that only what they measure differs. The two take turns: in each round
one, the other, the other, one. A ratio is this tree's amount over the other's in neighbouring turns.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import click
import msgspec

from bench.gauges import GAUGES, Numbers
from bench.processes import OURS, python

ROOT: Final = Path(__file__).parents[1]
#: A figure is worse when even the least of its ratios is above this.
WORSE_ABOVE: Final = 1.10
#: Seconds after which no round begins that would not end in time, and that one measurement may take.
_ALL_S: Final = 600.0
_ONE_S: Final = 120.0
_ROUNDS: Final = 3


class Turn(NamedTuple):
    """The numbers of both trees in neighbouring turns."""

    here: Numbers
    there: Numbers


class Spread(NamedTuple):
    """One number. `here`, `there`: its medians; then the least, the median and the largest ratio of all turns."""

    what: str
    here: float
    there: float
    least: float
    median: float
    most: float

    @property
    def is_worse(self) -> bool:
        """Whether this tree is worse in every turn."""
        return self.least > WORSE_ABOVE


class NotMeasured(Exception):
    """A figure cannot be measured in a tree; the message says why."""


def spreads(turns: Sequence[Turn]) -> Iterator[Spread]:
    """Yield the spread of each number. Pure."""
    for what in turns[0].here:
        here, there = [turn.here[what] for turn in turns], [turn.there[what] for turn in turns]
        ratios = [our / their for our, their in zip(here, there, strict=True)]
        yield Spread(what, median(here), median(there), min(ratios), median(ratios), max(ratios))


def measured(tree: Path, name: str) -> Numbers:
    """Measure a figure in a tree that has this tree's benchmarks. Raises NotMeasured."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    # Without kept bytecode each process would compile all modules, which nobody's installation does.
    env = {**kept, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": ""}
    words = python("-m", "bench.gauges", name)
    try:
        done = subprocess.run(words, cwd=tree, env=env, capture_output=True, timeout=_ONE_S, check=True)  # noqa: S603
    except subprocess.CalledProcessError as fault:
        raise NotMeasured((fault.stderr.decode(errors="replace").strip().splitlines() or ["no output"])[-1]) from None
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"it did not end within {_ONE_S:g} s") from None
    return msgspec.json.decode(done.stdout, type=Numbers)


@contextmanager
def worktree(revision: str) -> Iterator[Path]:
    """Check a revision out beside this tree, with this tree's benchmarks, for the length of the block."""
    with tempfile.TemporaryDirectory(prefix=".ferry-", dir=ROOT.parent) as temporary:
        tree = Path(temporary) / "tree"
        _git("worktree", "add", "--detach", "--quiet", str(tree), revision)
        try:
            shutil.rmtree(tree / "bench", ignore_errors=True)
            shutil.copytree(ROOT / "bench", tree / "bench", ignore=shutil.ignore_patterns("__pycache__"))
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*words: str) -> None:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise click.ClickException(f"git {words[0]}: {done.stderr.strip()}")


def compare(other: Path, names: Sequence[str], rounds: int) -> tuple[dict[str, list[Turn]], dict[str, str]]:
    """Measure both trees in turns; return the turns by figure, and by figure why it was not measured."""
    found: dict[str, list[Turn]] = {name: [] for name in names}
    missing: dict[str, str] = {}
    began = time.monotonic()
    for number in range(rounds):
        if number and (time.monotonic() - began) * (number + 1) / number > _ALL_S:
            click.echo(f"after {number} rounds there is no time for another one", err=True)
            break
        for name in (name for name in names if name not in missing):
            click.echo(f"round {number + 1}: {name}", err=True)
            try:
                found[name] += _round(other, name)
            except NotMeasured as reason:
                missing[name] = str(reason)
    return {name: turns for name, turns in found.items() if name not in missing}, missing


def _round(other: Path, name: str) -> list[Turn]:
    first, second = measured(ROOT, name), measured(other, name)
    third, fourth = measured(other, name), measured(ROOT, name)
    return [Turn(first, second), Turn(fourth, third)]


def table(found: Mapping[str, Sequence[Turn]]) -> list[str]:
    """Return the lines of the result: for each number the amounts and the ratios. Pure."""
    lines = [f"{'':60} {'here':>9} {'there':>9}  {'ratio':>5} {'least':>6} {'most':>6}"]
    for name, turns in found.items():
        for each in spreads(turns):
            verdict = "  worse" if each.is_worse else ""
            amounts = f"{each.here:>9,.1f} {each.there:>9,.1f}"
            ratios = f"{each.median:>5.2f} {each.least:>6.2f} {each.most:>6.2f}"
            lines.append(f"{name + ': ' + each.what:60} {amounts}  {ratios}{verdict}")
    return lines


@click.command()
@click.argument("revision")
@click.option("--only", multiple=True, type=click.Choice(list(GAUGES)), help="Measure this figure; repeatable.")
@click.option("--rounds", type=click.IntRange(min=1), default=_ROUNDS, show_default=True, help="Two turns each.")
def main(revision: str, only: Sequence[str], rounds: int) -> None:
    """Compare this tree with REVISION in ten minutes at most, by CPU time and memory.

    A ratio is this tree's amount over that of the revision in neighbouring turns: below 1 is better. Exit code 1 if a
    figure is worse, which means that even the least of its ratios is above 1.10.
    """
    with worktree(revision) as other:
        found, missing = compare(other, only or list(GAUGES), rounds)
    click.echo("\n".join(table(found)))
    for name, reason in missing.items():
        click.echo(f"{name}: not measured, because these benchmarks do not fit one of the two: {reason}")
    worse = [each for each in chain.from_iterable(map(spreads, found.values())) if each.is_worse]
    if worse:
        raise click.exceptions.Exit(1)


if __name__ == "__main__":
    main()
