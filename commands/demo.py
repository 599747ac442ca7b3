"""`ferry demo`: run Ferry's main job on a fresh machine with real processes, and check the result."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from types import FrameType

import click
import requests

from commands.demo_steps import Demo
from local import embedded_cluster, ports
from local.running import GroupOptions, running
from ops.errors import Failed
from ops.ledger import ledger
from ops.output import console

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option("--cluster", is_flag=True, help="Use a Redis Cluster of three nodes instead of one Redis.")
def demo(cluster: bool) -> None:
    """Show Ferry at work, in half a minute.

    Starts everything in a temporary folder, with an embedded Redis and a local Klaviyo; nothing outside is changed.
    Posts 250 changes to two audiences; shows the uploads, the pending changes, a flush, people leaving and a dead
    letter; and compares Klaviyo's lists with the posted changes. Exit code 1 if they differ.

    \b
    Examples:
      ferry demo
      ferry demo --cluster
    """
    _forget_settings()
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        _tell(cluster)
    except KeyboardInterrupt:
        raise Failed("stopped; all processes have ended") from None


def _tell(cluster: bool) -> None:
    began = time.monotonic()
    out = console()
    with tempfile.TemporaryDirectory(prefix="ferry-demo-") as folder, ExitStack() as stack:
        if cluster:
            os.environ["REDIS_URL"] = stack.enter_context(embedded_cluster.running(Path(folder) / "cluster"))
        options = GroupOptions(
            Path(folder), port=ports.any_free(), emulator_port=ports.any_free(), workers=2, job_seconds=1.0
        )
        out.print("Starting Redis, a local Klaviyo, two workers, the scheduler and the intake ...", style="bold")
        with running(options, Event()) as group, ledger(group.settings) as redis, requests.Session() as http:
            http.trust_env = False  # a proxy would not find this machine
            out.print(f"Up after {time.monotonic() - began:.1f} s.")
            demo = Demo(group, redis, http, out)
            demo.upload_what_is_full()
            demo.flush_the_rest()
            demo.show_the_dead_letter()
            demo.compare()
    out.print(
        f"\nDone in {time.monotonic() - began:.0f} s. Next: run `ferry up` and post your own changes.",
        style="bold",
    )


def _forget_settings() -> None:
    """Remove Ferry's settings from the environment, so that the demo neither reads nor writes a real installation.

    FERRY_PREFIX stays: this process has read it, and its children must write under the same keys.
    """
    for name in list(os.environ):
        if name in ("REDIS_URL", "PORT", "SENTRY_DSN") or (
            name.startswith(("FERRY_", "KLAVIYO_")) and name not in ("FERRY_LOG_LEVEL", "FERRY_PREFIX")
        ):
            del os.environ[name]
    os.environ.setdefault("FERRY_LOG_LEVEL", "WARNING")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # A second Ctrl-C must not interrupt the shutdown.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
