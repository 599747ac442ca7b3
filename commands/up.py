"""`ferry up`: run everything on this machine, in one supervised group."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from pathlib import Path

import click

from commands.options import new_var_option, var_folder
from configuration.checks import is_local
from local import group_files
from local.running import GroupOptions, Running, running, stop_on_signal
from logs import setup
from ops.output import echo


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that the intake listens on.")
@click.option("--port", default=8000, envvar="PORT", show_default="PORT, else 8000", help="Port of the intake.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Number of workers.")
@click.option("--emulator-port", default=9400, show_default=True, help="Port of the emulator, if one is started.")
@click.option("--live", is_flag=True, help="Deliver to the real Klaviyo, to real people.")
@new_var_option
def up(host: str, port: int, workers: int, emulator_port: int, live: bool) -> None:
    """Start everything and keep it running.

    Starts the web process, the scheduler, the workers, and what is missing:

    \b
    without REDIS_URL          an embedded Redis on a Unix socket, data in DIR
    without a Klaviyo key      a local Klaviyo; nothing is sent outside
    without FERRY_TOKENS       a token, created once and kept in DIR/group.env
    without FERRY_ADMIN_TOKEN  another, to sign in to the console

    With a key, in KLAVIYO_API_KEY or FERRY_CONNECTIONS, it asks whether to deliver to the real Klaviyo. Without a
    terminal it needs --live, or it does not start.

    A process that dies is restarted. Ctrl-C or SIGTERM stops everything within 20 seconds; accepted changes stay in
    the queues. The other commands find the group by the same --var.

    \b
    Examples:
      ferry up
      ferry up --port 8080 --workers 2 --var /srv/ferry
    """
    setup.configure("up")
    stop = stop_on_signal()
    with running(GroupOptions(var_folder(), host, port, workers, emulator_port, live=live, ask=_ask), stop) as group:
        if not stop.is_set():
            echo(_banner(group))
        group.supervisor.watch(stop)
        echo("Stopping, within 20 s ...", err=True)
    echo("Stopped; accepted changes stay in the queues.", err=True)


def _ask(question: str) -> bool:
    """Ask at the terminal. Without one the answer is no, because a script's input is not an answer."""
    if not sys.stdin.isatty():
        return False
    # Nothing runs yet that must be stopped in order, so a signal ends the command at once.
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return click.confirm(question)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _banner(running: Running) -> str:
    group = running.group
    host = f"[{group.host}]" if ":" in group.host else group.host
    base = f"http://{host}:{group.port}"
    secrets = group_files.path(group.var)
    ours = {name for name, value in group_files.read(group.var).items() if value == os.environ.get(name)}
    tokens, admin = (
        f"{name} in {secrets}" if name in ours else f"{name} of this environment"
        for name in ("FERRY_TOKENS", "FERRY_ADMIN_TOKEN")
    )
    base_url = running.settings.klaviyo_base_url
    klaviyo = f"emulator at {base_url}" if is_local(base_url) else f"the real one, {base_url}"
    redis = "the server of REDIS_URL" if group.socket is None else f"embedded, data in {group.var}"
    # sh reads the file, because fish cannot.
    read = f"$(sh -c '. \"$0\"; echo ${{FERRY_TOKENS#*:}}' {_word(secrets)})"
    token = read if "FERRY_TOKENS" in ours else "TOKEN"
    ferry = _ferry(group.var)
    return f"""
Ferry is up. Ctrl-C stops it.

  Console   {base}/             sign in with {admin}
            or with the link that this prints: {ferry} open
  Post to   {base}/v1/mparticle   what mParticle sends
            {base}/v1/segment     what Segment and RudderStack send
            {base}/v1/changes     your own JSON, see /docs
  Token     {tokens}, after the colon
  Klaviyo   {klaviyo}
  Redis     {redis}

Try in another terminal:

  cd {shlex.quote(str(Path.cwd()))}
  curl {base}/v1/changes -H "Authorization: Bearer {token}" -d '
    {{"audience": {{"id": "42", "name": "VIPs"}},
     "changes": [{{"action": "add", "email": "ann@example.com"}}]}}'
  {ferry} status
  {ferry} flush VIPs --wait
"""


def _ferry(var: Path) -> str:
    """Return how another shell in this folder calls the commands of this group, with the paths that it needs."""
    program, found = Path(sys.argv[0]), shutil.which("ferry")
    activated = os.environ.get("VIRTUAL_ENV")  # not in the other shell
    if program.name != "ferry":
        called = f"{_word(Path(sys.executable))} -m commands"
    elif found and Path(found).samefile(program) and not (activated and program.absolute().is_relative_to(activated)):
        called = "ferry"
    else:
        called = _word(program)
    return called if var == Path("var") else f"FERRY_VAR={_word(var)} {called}"


def _word(path: Path) -> str:
    """Return a path as a word for a shell in this folder; it has a slash, so that it is not looked up in PATH."""
    absolute, here = path.absolute(), Path.cwd()
    name = str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
    return shlex.quote(name if "/" in name else f"./{name}")
