"""`ferry up`: everything on this machine, in one supervised group."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ops import group_file, logs
from ops.group import Group, emulator_url
from ops.options import var_folder, var_option
from ops.output import echo
from ops.running import Wish, running, stop_on_signal


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that the intake listens on.")
@click.option("--port", default=8000, envvar="PORT", show_default="PORT, else 8000", help="Port of the intake.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Number of workers.")
@click.option("--emulator-port", default=9400, show_default=True, help="Port of the emulator, where one is started.")
@var_option
def up(host: str, port: int, workers: int, emulator_port: int) -> None:
    """Start everything and keep it running.

    Web, scheduler, workers, and what is missing around them:

    \b
    without REDIS_URL          an embedded Redis on a Unix socket, data in DIR
    without KLAVIYO_API_KEY    a local Klaviyo; nobody outside is written to
    without FERRY_TOKENS       a token, made once and kept in DIR/group.env
    without FERRY_ADMIN_TOKEN  another, to sign in with in a browser

    A program that dies is started again. Ctrl-C or SIGTERM ends all within 20 seconds; what was accepted stays in
    the queues. The other commands find the group by the same --var.
    """
    logs.configure("up")
    stop = stop_on_signal()
    wish = Wish(var_folder(), host, port, workers, emulator_port)
    with running(wish, stop) as group:
        if not stop.is_set():
            echo(_banner(group.group))
        group.supervisor.watch(stop)
        echo("Ending, within 20 s ...", err=True)
    echo("Everything has ended; what was accepted stays in the queues.", err=True)


def _banner(group: Group) -> str:
    host = f"[{group.host}]" if ":" in group.host else group.host
    base = f"http://{host}:{group.port}"
    secrets = group_file.path(group.var)
    ours = {name for name, value in group_file.read(group.var).items() if value == os.environ.get(name)}
    tokens, admin = (
        f"{name} in {secrets}" if name in ours else f"{name} of this environment"
        for name in ("FERRY_TOKENS", "FERRY_ADMIN_TOKEN")
    )
    klaviyo = "the real one" if group.emulator_port is None else f"emulator at {emulator_url(group.emulator_port)}"
    redis = "the one of REDIS_URL" if group.socket is None else f"embedded, data in {group.var}"
    shown = f'$(. {secrets.absolute()}; echo "${{FERRY_TOKENS#*:}}")' if "FERRY_TOKENS" in ours else "..."
    ferry = "ferry" if group.var == Path("var") else f"FERRY_VAR={group.var} ferry"
    return f"""
Ferry is up. Ctrl-C ends it.

  Look at   {base}/             sign in with {admin}
  Post to   {base}/v1/mparticle   what mParticle sends
            {base}/v1/segment     what Segment and RudderStack send
            {base}/v1/changes     your own JSON, see /docs
  Token     {tokens}, behind the colon
  Klaviyo   {klaviyo}
  Redis     {redis}

Try in another terminal:

  TOKEN={shown}
  curl {base}/v1/changes -H "Authorization: Token $TOKEN" -d '
    {{"audience": {{"id": "7", "name": "VIP"}},
     "changes": [{{"action": "add", "email": "ann@example.com"}}]}}'
  {ferry} status
  {ferry} flush --all --wait
"""
