"""The caller's side of `forking`: processes of the `ferry` command that do not import Ferry again."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

from local import group_files
from tests.support import forking
from tests.support.paths import ROOT


class Forked:
    """A process of a command `[python, ..., "-m", module, ...]`; as much of subprocess.Popen as tests need.

    `stdin`, `stdout`, `stderr`: files. `session`: whether it leads one of its own.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        stdout: int,
        stderr: int,
        cwd: Path | None = None,
        session: bool = False,
        stdin: int | None = None,
    ) -> None:
        assert command[0] == sys.executable
        self.args = [*command]
        self.returncode: int | None = None
        asked = {"command": self.args, "environment": dict(env), "cwd": str(cwd or Path.cwd()), "session": session}
        self._status, status = os.pipe()
        try:
            with Path(os.devnull).open() as nothing:
                read = nothing.fileno() if stdin is None else stdin
                control = _server_for(env).control
                socket.send_fds(control, [json.dumps(asked).encode()], [read, stdout, stderr, status])
        finally:
            os.close(status)
        self.pid = int.from_bytes(self._told(), "big")

    def _told(self) -> bytes:
        said = os.read(self._status, forking.NUMBER)
        assert said, "the process that forks has died; its output says why"
        return said

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired when it runs longer than `timeout` seconds."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], seconds)[0]:
            self.returncode = int.from_bytes(self._told(), "big", signed=True)
            os.close(self._status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Signal it, if it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # its end is not told yet
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM it."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL it."""
        self.send_signal(signal.SIGKILL)


def run(
    command: Sequence[str], env: Mapping[str, str], seconds: float, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. `given`: what it reads. Raises subprocess.TimeoutExpired after so many seconds."""
    with TemporaryFile("w+") as read, TemporaryFile("w+") as out, TemporaryFile("w+") as errors:
        read.write(given)
        read.seek(0)
        process = Forked(command, env, out.fileno(), errors.fileno(), stdin=read.fileno())
        try:
            code = process.wait(seconds)
        finally:
            process.kill()
            process.wait()
        said = []
        for file in (out, errors):
            file.seek(0)
            said.append(file.read())
    return subprocess.CompletedProcess([*command], code, *said)


def ferry_in(folder: Path, environment: dict[str, str]) -> int:
    """Make a `ferry` in this folder, for a shell with this environment; it passes the file on that is returned.

    Each call is forked, with the folder, the streams and the environment that the shell gives it.
    """
    control = _server().control.fileno()
    command = folder / "ferry"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {ROOT}/tests/support/asking.py {control} "$@"\n')
    command.chmod(0o700)
    environment["PATH"] = f"{folder}:{environment['PATH']}"
    return control


class _Client:
    """The process that forks, which lives as long as this one. `more`: variables that it has besides.

    Each message sent to `control` is one request.
    """

    def __init__(self, **more: str) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        known = {name: value for name, value in os.environ.items() if not name.startswith(("FERRY_", "KLAVIYO_"))}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forking", str(theirs.fileno())],
                cwd=ROOT,
                env={**known, **more},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        atexit.register(self.end)

    def end(self) -> None:
        """End it; what it has forked runs on."""
        self.control.close()
        self._process.wait(60)


@cache
def _server() -> _Client:
    return _Client()


#: FERRY_PREFIX -> a process that forks, which has imported Ferry with it.
_prefixed: dict[str, _Client] = {}


@contextmanager
def prefixed(*prefixes: str) -> Iterator[None]:
    """In the block, commands with these prefixes are forked, too."""
    for prefix in prefixes:
        _prefixed[prefix] = _Client(FERRY_PREFIX=prefix)
    try:
        yield
    finally:
        for prefix in prefixes:
            _prefixed.pop(prefix).end()


def _server_for(env: Mapping[str, str]) -> _Client:
    if not _prefixed:
        return _server()
    of_group = {} if "REDIS_URL" in env else group_files.read(Path(env.get("FERRY_VAR", "var")))
    prefix = env.get("FERRY_PREFIX") or of_group.get("FERRY_PREFIX", "")
    return _prefixed.get(prefix) or _server()
