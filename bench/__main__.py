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
    durable,
    fairness,
    flush,
    identity,
    latency,
    limits_large,
    limits_small,
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
from bench.sizes import FULL, QUICK, Sizes

_FIGURES = {
    "accept": accept.measure,
    "durable": durable.measure,
    "latency": latency.measure,
    "flush": flush.measure,
    "limits_large": limits_large.measure,
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
_PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(_FIGURES)), help="Measure this figure; repeatable.")
@click.option("--quick", is_flag=True, help="Tiny sizes, to check that everything works; the figures mean nothing.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write the page to.")
def main(only: Sequence[str], quick: bool, out: Path | None) -> None:
    """Compare Ferry with the plain way of doing the same and write docs/benchmarks.md.

    With --only or --quick the page is incomplete: it is printed, and written only with --out.
    """
    if out is None and not only and not quick:
        out = _PAGE
    try:
        page = _page(only or list(_FIGURES), QUICK if quick else FULL)
    except BenchError as fault:
        raise click.ClickException(str(fault)) from fault
    click.echo(page)
    if out is not None:
        out.write_text(page)


def _page(names: Sequence[str], sizes: Sizes) -> str:
    began = time.monotonic()
    # A short prefix: the path of a Unix socket has a limit, and on some systems the temporary folder is nearly as long.
    with tempfile.TemporaryDirectory(prefix="ferry-") as temporary:
        with redis_server(Path(temporary)) as url, Redis.from_url(url) as redis:
            machine = report.machine(redis)
        figures = [_figure(name, sizes, Path(temporary)) for name in names]
    return report.page(figures, machine, (time.monotonic() - began) / 60)


def _figure(name: str, sizes: Sizes, folder: Path) -> Figure:
    click.echo(f"measuring: {name}", err=True)
    home = folder / name
    home.mkdir()
    return _FIGURES[name](sizes, home)


if __name__ == "__main__":
    main()
