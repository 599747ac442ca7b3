"""A worker that carries out what was rung, and prints each round trip to Redis of it and of its deliveries.

Run it as a program, with the settings in the environment. A line has the process, `worker` or `delivery`, and the first
and the last command that were sent together, each with its script or key.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from typing import Any, Final

from queues import doorbell  # before rq: it sets RQ's key prefix

# isort: split
from redis import connection
from rq.serializers import JSONSerializer

from queues import scripts
from queues.server.connection import connect
from tests.support.frames import redis_commands
from tests.support.paths import ROOT
from worker import process, signing
from worker.main import DeliveryWorker

SCRIPTS: Final = {
    scripts.sha(path.stem): path.stem
    for path in (ROOT / "queues" / "lua").glob("*.lua")
    if not path.stem.startswith("_")
}
_plain = connection.AbstractConnection.send_packed_command
_worker: Final = os.getpid()


def _names(command: Iterable[bytes]) -> Iterator[str]:
    for name, frame in redis_commands(io.BytesIO(b"".join(command))):
        words = frame.decode("utf-8", "replace").split("\r\n")[4::2]
        what = SCRIPTS.get(words[0], words[2]) if name == "EVALSHA" else " ".join(words[:1])
        yield f"{name.partition(' ')[0]} {what}"


def _send(self: Any, command: Any, check_health: bool = True) -> Any:
    names = [name for name in _names(command) if name.strip() not in ("MULTI", "EXEC")]
    who = "worker" if os.getpid() == _worker else "delivery"
    os.write(1, f"{who} {names[0]} {names[-1]}\n".encode())
    return _plain(self, command, check_health)  # type: ignore[no-untyped-call]


def main() -> None:
    """Work until nothing is rung."""
    signing.SIGN_S = 3_600.0  # type: ignore[misc]  # what a second allows does not depend on how fast this machine is
    connection.AbstractConnection.send_packed_command = _send  # type: ignore[method-assign]
    url = process.settings_of_process().redis_url
    with connect(url) as redis, connect(url) as for_rq, process.sharing(redis):
        process.warm(redis)
        queue = doorbell.rq_queue(for_rq)
        DeliveryWorker([queue], connection=for_rq, serializer=JSONSerializer, ledger=redis).work(burst=True)


if __name__ == "__main__":
    main()
