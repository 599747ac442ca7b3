"""Processes of the `ferry` command that are forked from one that has imported Ferry, instead of importing it again.

A child is a process like any other: its environment, folder, streams, session and signals are its own, and it can be
killed. It runs the module of its command from the beginning. What was imported before is all that it shares.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from tests.support.paths import ROOT

#: What Python itself reads when it starts.
_OF_PYTHON = ("PYTHON", "LANG", "LC_", "LD_")
#: Signals that a process handles by itself, or that end it.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
#: Bytes of a process id or an exit code, and more than a request has.
NUMBER = 4
REQUEST = 1 << 18
STREAMS = 3


def become(
    command: Sequence[str], environment: dict[str, str], cwd: str, streams: Sequence[int], keep: Iterable[int] = ()
) -> NoReturn:
    """Run a command in the child of a fork, with these files as its streams, and end the process with its exit code.

    `keep`: files that stay open besides. A command for which the modules that are imported already would be others is
    started in the usual way.
    """
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for stream, file in enumerate(streams):
        os.dup2(file, stream)
    _close_others(keep)
    os.chdir(cwd)
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    if not _would_import_the_same(command, before):
        os.execve(command[0], [*command], environment)  # noqa: S606  # the tests' own commands
    _renew()
    code = _code_of(command)
    threading._shutdown()  # type: ignore[attr-defined]  # as Python does at its end
    atexit._run_exitfuncs()
    for text in (sys.stdout, sys.stderr):
        text.flush()
    os._exit(code)


def _close_others(keep: Iterable[int]) -> None:
    first = STREAMS
    for file in sorted(keep):
        os.closerange(first, file)
        first = file + 1
    os.closerange(first, 1024)


def _would_import_the_same(command: Sequence[str], before: dict[str, str]) -> bool:
    """Whether nothing that Python or Ferry reads at the start is another one. Changes os.environ as `ferry` does."""
    for name in {*before, *os.environ}:
        if name.startswith(_OF_PYTHON) and name != "PYTHONPATH" and before.get(name) != os.environ.get(name):
            return False
    if not {*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))} <= {str(ROOT)}:
        return False
    from commands.main import _named_folder
    from configuration import settings
    from configuration.errors import SettingsError

    given = dict(os.environ)
    try:
        settings.adopt_at_import(Path(_named_folder([*command]) or os.environ.get("FERRY_VAR") or "var"))
    except SettingsError:
        return True  # the command will say so, before anything that it imports counts
    finally:
        adopted = dict(os.environ)
        os.environ.clear()
        os.environ.update(given)
    return all(adopted.get(name) == before.get(name) for name in ("FERRY_PREFIX", "FERRY_KLAVIYO_REVISION"))


def _renew() -> None:
    """Make anew what Python makes of the environment and the streams when it starts."""
    time.tzset()
    tempfile.tempdir = None
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, errors="backslashreplace")  # noqa: SIM115


def _code_of(command: Sequence[str]) -> int:
    where = command.index("-m") + 1
    sys.argv[:] = command[where:]
    try:
        runpy.run_module(command[where], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)  # noqa: T201
        return 1
    except BaseException:  # noqa: BLE001  # as Python does at its end
        traceback.print_exc()
        return 1
    return 0


def load() -> None:
    """Import what the commands import, and compile what each worker compiles at its start."""
    from commands.main import COMMANDS

    for place, _ in COMMANDS.values():
        import_module(place.partition(":")[0])
    import_module("mappings.numbering").prepare()


class _Server:
    """Forks a child for each request, and says with which status each ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        #: The child's pidfd -> its process id, and where its status is written to.
        self._children: dict[int, tuple[int, int]] = {}

    def serve(self) -> None:
        """Serve until nobody is there to ask."""
        while True:
            control = self._control.fileno()
            for file in select.select([control, *self._children], [], [])[0]:
                if file != control:
                    self._reap(file)
                elif not self._take():
                    return

    def _take(self) -> bool:
        request, files, _, _ = socket.recv_fds(self._control, REQUEST, STREAMS + 1)
        if not request:
            return False
        asked: dict[str, Any] = json.loads(request)
        pid = os.fork()
        if pid == 0:
            if asked["session"]:
                os.setsid()
            become(asked["command"], asked["environment"], asked["cwd"], files[:STREAMS])
        *streams, status = files
        for stream in streams:
            os.close(stream)
        self._children[os.pidfd_open(pid)] = pid, status
        os.write(status, pid.to_bytes(NUMBER, "big"))
        return True

    def _reap(self, file: int) -> None:
        pid, status = self._children.pop(file)
        os.close(file)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        try:
            os.write(status, code.to_bytes(NUMBER, "big", signed=True))
        except BrokenPipeError:  # nobody wants to know any more
            pass
        finally:
            os.close(status)


def main() -> None:
    """Serve the process at the other end of the socket whose number is the argument."""
    gc.disable()  # what is imported leaves no garbage
    load()
    gc.freeze()
    gc.enable()
    with socket.socket(fileno=int(sys.argv[1])) as control:
        _Server(control).serve()


if __name__ == "__main__":
    main()
