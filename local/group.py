"""A group: everything that one `ferry up` decides, and the programs that follow from it."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local import embedded_redis, ports
from local.supervisor import Program

#: Any key that starts with pk_ is good enough for the emulator.
EMULATOR_KEY = "pk_emulator"
EMULATOR_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class LocalGroup:
    """`socket`: of the embedded Redis, None where REDIS_URL names one. `emulator_port`: None where none is started.

    `fsync`: whether the embedded Redis syncs each write, and not each second.
    """

    var: Path
    host: str
    port: int
    workers: int
    socket: Path | None
    emulator_port: int | None
    job_seconds: float = 2.0
    fsync: bool = False


def generated(known: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Secrets, and the installation's name: those made for this folder before, and new ones where there are none.

    A new one is made for what neither the folder nor the environment gives.
    Those made before stay, used or not: what is stored was encrypted with them.
    """
    fresh = {
        "FERRY_TOKENS": f"local:{secrets.token_hex(24)}",
        "FERRY_SECRET_KEY": secrets.token_hex(32),
        "FERRY_ADMIN_TOKEN": secrets.token_hex(32),
        "FERRY_INSTALLATION": f"up-{secrets.token_hex(8)}",
    }
    return {name: known.get(name, value) for name, value in fresh.items() if name in known or not environment.get(name)}


def leftovers(known: Mapping[str, str], environment: Mapping[str, str], socket: Path) -> list[str]:
    """Variables of an earlier group of this folder, in a shell that has read its group.env: not somebody's wish."""
    own = {"REDIS_URL": embedded_redis.url(socket), "KLAVIYO_API_KEY": EMULATOR_KEY}
    if known.get("KLAVIYO_API_KEY") == EMULATOR_KEY:
        own["KLAVIYO_BASE_URL"] = known.get("KLAVIYO_BASE_URL", "")
    return [name for name, value in own.items() if environment.get(name) == value]


def emulator_url(port: int) -> str:
    """KLAVIYO_BASE_URL of the emulator."""
    return f"http://{EMULATOR_HOST}:{port}"


def stages(group: LocalGroup) -> list[list[Program]]:
    """The programs, in the order of their start; they end in the opposite order, within 20 s in all."""
    return [stage for stage in (_server(group), _emulator(group), _workers(group), _scheduler(), _web(group)) if stage]


def _server(group: LocalGroup) -> list[Program]:
    if group.socket is None:
        return []
    url = embedded_redis.url(group.socket)
    command = embedded_redis.command(group.var, group.socket, fsync=group.fsync)
    return [Program("redis", command, 3.0, lambda: embedded_redis.answers(url), embedded_redis.log(group.var))]


def _emulator(group: LocalGroup) -> list[Program]:
    port = group.emulator_port
    if port is None:
        return []
    command = _ferry("emulator", "--port", str(port), "--job-seconds", str(group.job_seconds))
    return [Program("emulator", command, 1.5, lambda: ports.answers(EMULATOR_HOST, port))]


def _workers(group: LocalGroup) -> list[Program]:
    # A delivery under way gets 8 s to be given back (worker/main.py).
    return [Program(f"worker {number}", _ferry("worker"), 9.0) for number in range(1, group.workers + 1)]


def _scheduler() -> list[Program]:
    return [Program("scheduler", _ferry("scheduler"), 2.0)]


def _web(group: LocalGroup) -> list[Program]:
    command = _ferry("web", "--host", group.host, "--port", str(group.port))
    return [Program("web", command, 4.0, lambda: ports.answers(group.host, group.port))]


def _ferry(*words: str) -> list[str]:
    # -P: a configuration/settings.py in the folder where `ferry` is called must not be taken for Ferry's own.
    return [sys.executable, "-P", "-m", "commands", *words]
