"""A group: the settings of one `ferry up`, and the programs that it starts."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local import embedded_redis, ports
from local.supervisor import Program

#: The emulator accepts any key that starts with pk_.
EMULATOR_KEY = "pk_emulator"
EMULATOR_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class LocalGroup:
    """The settings of a group.

    `socket`: of the embedded Redis; None if REDIS_URL names another. `emulator_port`: None without an emulator.
    `fsync`: whether the embedded Redis syncs after each write instead of each second.
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
    """Return the secrets and the installation's name for this folder.

    A new value is made only if neither the folder nor the environment has one. Values made before are kept even if they
    are not used, because stored data was encrypted with them.
    """
    fresh = {
        "FERRY_TOKENS": f"local:{secrets.token_hex(24)}",
        "FERRY_SECRET_KEY": secrets.token_hex(32),
        "FERRY_ADMIN_TOKEN": secrets.token_hex(32),
        "FERRY_INSTALLATION": f"up-{secrets.token_hex(8)}",
    }
    return {name: known.get(name, value) for name, value in fresh.items() if name in known or not environment.get(name)}


def leftovers(known: Mapping[str, str], environment: Mapping[str, str], socket: Path) -> list[str]:
    """Return the variables that come from this folder's group.env, read into the shell, and not from the user."""
    own = {"REDIS_URL": embedded_redis.url(socket), "KLAVIYO_API_KEY": EMULATOR_KEY}
    # Beside a key of the user's own, the address of an emulator is the user's too: else the key would go to Klaviyo.
    if known.get("KLAVIYO_API_KEY") == environment.get("KLAVIYO_API_KEY") == EMULATOR_KEY:
        own["KLAVIYO_BASE_URL"] = known.get("KLAVIYO_BASE_URL", "")
    return [name for name, value in own.items() if environment.get(name) == value]


def emulator_url(port: int) -> str:
    """Return the KLAVIYO_BASE_URL of the emulator."""
    return f"http://{EMULATOR_HOST}:{port}"


def stages(group: LocalGroup) -> list[list[Program]]:
    """Return the programs in the order of their start; they end in reverse order, within 20 s in total."""
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
    # A worker has 8 s to give back a delivery in progress (worker/main.py).
    return [Program(f"worker {number}", _ferry("worker"), 9.0) for number in range(1, group.workers + 1)]


def _scheduler() -> list[Program]:
    return [Program("scheduler", _ferry("scheduler"), 2.0)]


def _web(group: LocalGroup) -> list[Program]:
    command = _ferry("web", "--host", group.host, "--port", str(group.port))
    return [Program("web", command, 4.0, lambda: ports.answers(group.host, group.port))]


def _ferry(*words: str) -> list[str]:
    # -P: a configuration/settings.py in the current folder must not be imported instead of Ferry's.
    return [sys.executable, "-P", "-m", "commands", *words]
