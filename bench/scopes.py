"""Figure: the cost of senders' scopes and rates for the intake."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from bench import rivals
from bench.accept import ferry_turn
from bench.messages import ACCOUNT, TOKEN
from bench.processes import redis_server
from bench.report import Figure, Row, Verdict
from bench.rivals import Rival
from bench.sizes import Sizes

#: CPU of a message with scopes, as a multiple of the CPU without them.
TARGET: Final = 1.03
#: Senders in the file; one of them posts.
_SENDERS: Final = 100
_HOW: Final = f"""\
One `ferry web` process takes mParticle membership messages with one person. It has one token in `FERRY_TOKENS`, or
{_SENDERS} senders in `connections.toml`; the posting sender is limited to a route and an account, and then also to a
rate that it never reaches. A rate costs one more round trip to Redis for each request of its sender, and costs other
senders nothing. Compared is the CPU time of the process for a message; the ratio is the median of the rounds' ratios,
and every other round goes through the three in reverse."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure the three intakes in turns. Raises BenchError."""
    scoped, rated = (_settings(folder, name, rate) for name, rate in (("scoped", ""), ("rated", "per_second = 10000")))
    with (
        redis_server(folder) as url,
        rivals.ferry(url, folder, 1) as simple,
        rivals.ferry(url, folder, 1, **scoped) as of_scope,
        rivals.ferry(url, folder, 1, **rated) as of_rate,
    ):
        all_three = (simple, of_scope, of_rate)
        rivals.warm_up(sizes.load_s, *all_three)
        rounds = [_round(all_three, sizes, backwards=number % 2 == 1) for number in range(sizes.rounds)]
    return Figure(
        "Scopes of senders",
        _HOW,
        [
            _row("CPU of a message from a sender with a scope", [(each[1], each[0]) for each in rounds], TARGET),
            _row("CPU of a message from a sender with a scope and a rate", [(each[2], each[0]) for each in rounds]),
        ],
    )


def _round(all_three: Sequence[Rival], sizes: Sizes, *, backwards: bool) -> list[float]:
    """Return the CPU microseconds of a message for each intake, in the order given."""
    spent = [ferry_turn(each, 1, sizes.load_s).cpu_us for each in (reversed(all_three) if backwards else all_three)]
    return spent[::-1] if backwards else spent


def _row(what: str, pairs: Sequence[tuple[float, float]], target: float | None = None) -> Row:
    ratio = median(ours / without for ours, without in pairs)
    verdict = Verdict(f"{ratio:.2f}x")
    if target is not None:
        verdict = Verdict(f"{ratio:.2f}x", f"<= {target:g}x", ratio <= target)
    ours, without = (median(each) for each in zip(*pairs, strict=True))
    return Row(what, f"{ours:,.0f} us", f"{without:,.0f} us without a scope", verdict)


def _settings(folder: Path, name: str, rate: str) -> dict[str, str]:
    file = folder / f"{name}.toml"
    limited = f"rate = {{{rate}}}\n" if rate else ""
    tables = [f'[senders.s{number}]\ntoken_env = "BENCH_{number}"\n' for number in range(_SENDERS - 1)]
    account = f'[senders.bench]\ntoken_env = "BENCH"\nroutes = ["mparticle"]\nmparticle_accounts = [{ACCOUNT}]\n'
    file.write_text("".join([*tables, account, limited]))
    tokens = {f"BENCH_{number}": f"the token of number {number}" for number in range(_SENDERS - 1)}
    return {"FERRY_TOKENS": "", "FERRY_CONNECTIONS": str(file), "BENCH": TOKEN, **tokens}
