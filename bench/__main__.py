"""`python -m bench`: measure, print the page and write it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
from redis import Redis

from bench import (
    accept,
    delivery,
    durable,
    fairness,
    flush,
    identity,
    latency,
    limits_large,
    limits_small,
    machines,
    mapping,
    memory,
    queries,
    queues,
    report,
    scopes,
    segment_accept,
    segment_code,
    segment_mapping,
    segment_memory,
    snapshot_rows,
    snapshots,
    tick,
    ugliest,
)
from bench.errors import BenchError
from bench.processes import redis_server
from bench.report import Figure
from bench.sizes import FULL, LONG, QUICK, Sizes

_FIGURES = {
    "accept": accept.measure,
    "latency": latency.measure,
    "flush": flush.measure,
    "delivery": delivery.measure,
    "limits_small": limits_small.measure,
    "fairness": fairness.measure,
    "identity": identity.measure,
    "mapping": mapping.measure,
    "memory": memory.measure,
    "queries": queries.measure,
    "queues": queues.measure,
    "scopes": scopes.measure,
    "segment_accept": segment_accept.measure,
    "segment_code": segment_code.measure,
    "segment_mapping": segment_mapping.measure,
    "segment_memory": segment_memory.measure,
    "snapshot_rows": snapshot_rows.measure,
    "snapshots": snapshots.measure,
    "tick": tick.measure,
    "ugliest": ugliest.measure,
}
#: Figures that take many minutes each, with sizes of their own.
_LONG = {
    "durable": durable.measure,
    "limits_large": limits_large.measure,
    "identity_backlog": identity.measure_backlog,
    "queries": queries.measure,
    "snapshots": snapshots.measure,
    "machines": machines.measure,
}
_PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@click.command()
@click.option("--only", multiple=True, type=click.Choice(sorted({*_FIGURES, *_LONG})), help="This figure; repeatable.")
@click.option("--long", "is_long", is_flag=True, help="The long figures instead, which take an hour.")
@click.option("--quick", is_flag=True, help="Tiny sizes, to check that everything works; the figures mean nothing.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write the page to.")
def main(only: Sequence[str], is_long: bool, quick: bool, out: Path | None) -> None:
    """Compare Ferry with the plain way of doing the same and write docs/benchmarks.md.

    The page has a part for the long figures, which stays as it is while the others are measured, and the other way
    round. With --only or --quick the part is incomplete: it is printed, and written only with --out.
    """
    try:
        part = _part(only or list(_LONG if is_long else _FIGURES), _sizes(quick, is_long), is_long=is_long)
    except BenchError as fault:
        raise click.ClickException(str(fault)) from fault
    click.echo(part)
    if out is not None:
        out.write_text(part)
    elif not only and not quick:
        _PAGE.write_text(report.with_part(_PAGE.read_text(), part))


def _sizes(quick: bool, is_long: bool) -> Sizes:
    if quick:
        return QUICK
    return LONG if is_long else FULL


def _part(names: Sequence[str], sizes: Sizes, *, is_long: bool) -> str:
    took: dict[str, float] = {}
    # A short prefix: the path of a Unix socket has a limit, and on some systems the temporary folder is nearly as long.
    with tempfile.TemporaryDirectory(prefix="ferry-") as temporary:
        with redis_server(Path(temporary)) as url, Redis.from_url(url) as redis:
            machine = report.machine(redis)
        figures = [_figure(name, sizes, Path(temporary), took) for name in names]
    return (report.long_part if is_long else report.page)(figures, machine, took)


def _figure(name: str, sizes: Sizes, folder: Path, took: dict[str, float]) -> Figure:
    click.echo(f"measuring: {name}", err=True)
    home = folder / name
    home.mkdir()
    began = time.monotonic()
    figure = (_FIGURES | _LONG)[name](sizes, home)
    took[name] = time.monotonic() - began
    return figure


if __name__ == "__main__":
    main()
