"""Runs a group for the duration of a block: folder, lock, secrets, settings, programs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from configuration import settings
from configuration.settings import Settings
from local import embedded_redis, group_files, ports
from local.group import EMULATOR_HOST, EMULATOR_KEY, LocalGroup, emulator_url, generated, leftovers, stages
from local.group_files import locked
from local.klaviyo_choice import starts_emulator
from local.supervisor import Supervisor
from ops.errors import Failed
from ops.ledger import ledger

#: Settings in the environment that are written to the group file for the other commands; none are secrets.
_SHARED = (
    "FERRY_FLUSH_SIZE",
    "FERRY_FLUSH_MINUTES",
    "FERRY_UPLOAD_MAX",
    "FERRY_INSTALLATION",
    "FERRY_PREFIX",
    "KLAVIYO_BASE_URL",
    "FERRY_KLAVIYO_REVISION",
)


def _nobody_there(_question: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class GroupOptions:
    """The caller's options; the environment decides whether the group starts its own Redis and emulator.

    `live`: people may be sent to the real Klaviyo. `ask`: asks the user for this permission if it is not given, and
    returns whether the answer was yes.
    """

    var: Path
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    emulator_port: int = 9400
    job_seconds: float = 2.0
    live: bool = False
    ask: Callable[[str], bool] = _nobody_there


@dataclass(frozen=True, slots=True)
class Running:
    """A running group."""

    group: LocalGroup
    settings: Settings
    supervisor: Supervisor


def stop_on_signal() -> Event:
    """Return an event that SIGTERM, SIGINT and SIGHUP set."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def running(options: GroupOptions, stop: Event) -> Iterator[Running]:
    """Start a group and end it after the block. Raises Failed, Misconfigured, SettingsError."""
    _make_folder(options.var)
    with ExitStack() as stack:
        lock = stack.enter_context(locked(options.var))
        known = group_files.read(options.var)
        for name in leftovers(known, os.environ, embedded_redis.usual_socket(options.var)):
            del os.environ[name]
        kept = generated(known, os.environ)
        os.environ.update({name: value for name, value in kept.items() if not os.environ.get(name)})
        socket = None if os.environ.get("REDIS_URL") else stack.enter_context(embedded_redis.socket_path(options.var))
        if socket is not None:
            os.environ["REDIS_URL"] = embedded_redis.url(socket)
        emulated = starts_emulator(settings.load(), known, options.live, options.ask)
        if emulated:
            os.environ.update(KLAVIYO_BASE_URL=emulator_url(options.emulator_port), KLAVIYO_API_KEY=EMULATOR_KEY)
        read = settings.load()
        emulator_port = options.emulator_port if emulated else None
        group = LocalGroup(
            options.var,
            options.host,
            options.port,
            options.workers,
            socket,
            emulator_port,
            options.job_seconds,
            read.durable.fsync,
        )
        _check(group, read)
        group_files.write(options.var, {**kept, **_shared(group)})
        supervisor = Supervisor(stages(group), _environment(), lock)
        stack.callback(supervisor.end)
        supervisor.start(stop)
        yield Running(group, read, supervisor)


def _make_folder(var: Path) -> None:
    try:
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise Failed(f"{var} cannot be created: {fault.strerror}; choose another --var") from fault
    if not os.access(var, os.W_OK):
        raise Failed(f"{var} cannot be written to; choose another --var")


def _check(group: LocalGroup, known: Settings) -> None:
    ports.check_free(group.host, group.port, "--port")
    if group.emulator_port == group.port:
        raise Failed(f"--port and --emulator-port are both {group.port}; choose another for one of them")
    if group.emulator_port is not None:
        ports.check_free(EMULATOR_HOST, group.emulator_port, "--emulator-port")
    if group.socket is None:
        with ledger(known, writes=True):
            pass


def _shared(group: LocalGroup) -> Mapping[str, str]:
    shared = {name: os.environ[name] for name in _SHARED if os.environ.get(name)}
    shared |= {"REDIS_URL": os.environ["REDIS_URL"], "PORT": str(group.port)}
    if file := os.environ.get("FERRY_CONNECTIONS"):
        shared["FERRY_CONNECTIONS"] = str(Path(file).resolve())
    if group.emulator_port is not None:
        shared["KLAVIYO_API_KEY"] = EMULATOR_KEY
    return shared


def _environment() -> dict[str, str]:
    """Return the environment of the children, which import the code of this process from any current folder."""
    here = str(Path(__file__).parent.parent)
    path = os.environ.get("PYTHONPATH")
    # A proxy would look for the emulator on its own machine.
    direct = ",".join(filter(None, (os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), EMULATOR_HOST)))
    paths = os.pathsep.join([here, path] if path else [here])
    return {**os.environ, "PYTHONPATH": paths, "NO_PROXY": direct, "no_proxy": direct}
