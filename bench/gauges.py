"""The figures by which two revisions are compared: CPU time and memory, each within seconds.

`python -m bench.gauges NAME` measures one of them and prints its numbers as JSON: what was measured -> the amount, of
which less is better.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from bench import delivery, memory, rivals, snapshot_rows
from bench.accept import ferry_turn
from bench.mapping import E164, HOME, mapping_of, of_all_regions, phones, seconds
from bench.messages import number
from bench.processes import redis_server
from bench.segment_mapping import MESSAGES, map_all

Numbers = dict[str, float]
_ROUNDS: Final = 3
_PEOPLE: Final = 2_000
_CHANGES: Final = 10_000
_BATCHES: Final = 15
_LOAD_S: Final = 1.0


def _mapping(_: Path) -> Numbers:
    ways = {"four countries, E.164": phones(E164, _PEOPLE), "four countries, as at home": phones(HOME, _PEOPLE)}
    ways["all regions, E.164"] = of_all_regions(E164, _PEOPLE)
    return {f"us of CPU a person, {way}": _cpu_us(mapping_of(numbers), _PEOPLE) for way, numbers in ways.items()}


def _segment_mapping(_: Path) -> Numbers:
    found = {}
    for what, (message, becomes) in MESSAGES.items():
        some = [message(number(i), phone) for i, (_, phone) in enumerate(phones(E164, _PEOPLE))]
        found[f"us of CPU a message, {what}"] = _cpu_us(partial(map_all, some, becomes), _PEOPLE)
    return found


def _snapshot_rows(_: Path) -> Numbers:
    return {"us of CPU a row": _cpu_us(snapshot_rows.gathering(_PEOPLE), _PEOPLE)}


def _memory(folder: Path) -> Numbers:
    ways = {"100 in a message": 100, "1 in a message": 1}
    return {f"bytes of Redis a change, {way}": memory.of_pending(_CHANGES, n, folder)[0] for way, n in ways.items()}


def _accept(folder: Path) -> Numbers:
    with redis_server(folder) as url, rivals.ferry(url, folder, 1) as ferry:
        rivals.warm_up(_LOAD_S, ferry)
        return {
            f"us of web CPU a request, {changes} in it": ferry_turn(ferry, changes, _LOAD_S * more).cpu_us
            for changes, more in ((1, 1), (100, 2))
        }


def _batches(folder: Path) -> Numbers:
    spent = delivery.run(folder / "batches", delivery.SMALL, _BATCHES * delivery.SMALL)
    return {f"us of worker CPU a change, in batches of {delivery.SMALL}": spent.cpu_us}


GAUGES: Final[Mapping[str, Callable[[Path], Numbers]]] = {
    "mapping": _mapping,
    "segment_mapping": _segment_mapping,
    "snapshot_rows": _snapshot_rows,
    "memory": _memory,
    "accept": _accept,
    "batches": _batches,
}


def _cpu_us(work: Callable[[], object], items: int) -> float:
    """Return the CPU us of an item, the median of some rounds after an uncounted one."""
    return median([seconds(work) for _ in range(_ROUNDS + 1)][1:]) / items * 1e6


def _from_elsewhere(tree: Path) -> list[str]:
    """Return the loaded modules that are neither of this tree nor installed: an editable Ferry adds what it lacks."""
    files = {name: Path(file) for name, module in sys.modules.items() if (file := getattr(module, "__file__", None))}
    known = (tree, Path(sys.prefix), Path(sys.base_prefix))
    return [
        name
        for name, file in files.items()
        if not any(file.is_relative_to(folder) for folder in known) and "site-packages" not in file.parts
    ]


def main() -> None:
    """Measure the figure that the command line names, and print its numbers. Ends with 1 where code is missing."""
    (name,) = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="ferry-") as temporary:
        numbers = GAUGES[name](Path(temporary))
    if elsewhere := _from_elsewhere(Path(__file__).parents[1]):
        sys.exit(f"{', '.join(elsewhere[:3])}: not in this revision")
    sys.stdout.write(msgspec.json.encode(numbers).decode() + "\n")


if __name__ == "__main__":
    main()
