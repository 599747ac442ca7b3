"""Figure: the cost of senders' scopes and rates for the intake."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Final

from bench import rivals
from bench.messages import ACCOUNT, TOKEN
from bench.processes import redis_server
from bench.report import Figure, Row, Verdict
from bench.rivals import Rival, send
from bench.sizes import Sizes

#: The rate with scopes, as a part of the rate without them.
TARGET: Final = 0.97
#: Senders in the file; one of them posts.
_SENDERS: Final = 100
_HOW: Final = f"""\
One `ferry web` process takes mParticle membership messages with one person. It has one token in `FERRY_TOKENS`, or
{_SENDERS} senders in `connections.toml`; the posting sender is limited to a route and an account, and then also to a
rate that it never reaches. A rate costs one more round trip to Redis for each request of its sender, and costs other
senders nothing."""


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
        rounds = [[_per_second(each, sizes) for each in all_three] for _ in range(sizes.rounds)]
    without, with_scope, with_rate = (median(each) for each in zip(*rounds, strict=True))
    return Figure(
        "Scopes of senders",
        _HOW,
        [
            _row("Messages accepted a second, by a sender with a scope", with_scope, without),
            _row("Messages accepted a second, by a sender with a scope and a rate", with_rate, without, target=None),
        ],
    )


def _per_second(rival: Rival, sizes: Sizes) -> float:
    return send(rival, 1, sizes.load_s).per_second


def _row(what: str, ours: float, without: float, target: float | None = TARGET) -> Row:
    ratio = ours / without
    verdict = Verdict(f"{ratio:.2f}x")
    if target is not None:
        verdict = Verdict(f"{ratio:.2f}x", f">= {target:g}x", ratio >= target)
    return Row(what, f"{ours:,.0f}", f"{without:,.0f} without a scope", verdict)


def _settings(folder: Path, name: str, rate: str) -> dict[str, str]:
    file = folder / f"{name}.toml"
    limited = f"rate = {{{rate}}}\n" if rate else ""
    tables = [f'[senders.s{number}]\ntoken_env = "BENCH_{number}"\n' for number in range(_SENDERS - 1)]
    account = f'[senders.bench]\ntoken_env = "BENCH"\nroutes = ["mparticle"]\nmparticle_accounts = [{ACCOUNT}]\n'
    file.write_text("".join([*tables, account, limited]))
    tokens = {f"BENCH_{number}": f"the token of number {number}" for number in range(_SENDERS - 1)}
    return {"FERRY_TOKENS": "", "FERRY_CONNECTIONS": str(file), "BENCH": TOKEN, **tokens}
