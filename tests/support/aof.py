"""Reading a server's append-only file: every state of the ledger that a run passed through is a prefix of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from redis import Redis

OPTIONS = ("--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0")
#: What these keys hold is lost without loss: RQ is only the doorbell, and limits are counted anew.
_OTHERS = (b"{ferry-rq}:", b"ferry:limits")


@dataclass(frozen=True, slots=True)
class Unit:
    """What the server did at once: one command, or all that one script or transaction wrote. `end`: byte after it."""

    end: int
    commands: list[list[bytes]]

    @property
    def touches_the_ledger(self) -> bool:
        """Whether it wrote any key but RQ's and the limiter's."""
        return any(not command[1].startswith(_OTHERS) for command in self.commands)


def log_of(folder: Path) -> Path:
    """The file to which the server that runs in `folder` appends."""
    (found,) = (folder / "appendonlydir").glob("*.incr.aof")
    return found


def units(path: Path) -> list[Unit]:
    """Everything in the file, in order, without the choice of the database."""
    found: list[Unit] = []
    transaction: list[list[bytes]] | None = None
    with path.open("rb") as file:
        for command in _commands(file):
            match command[0].upper():
                case b"SELECT":
                    continue
                case b"MULTI":
                    transaction = []
                case b"EXEC":
                    found.append(Unit(file.tell(), transaction or []))
                    transaction = None
                case _ if transaction is not None:
                    transaction.append(command)
                case _:
                    found.append(Unit(file.tell(), [command]))
    return found


def _commands(file: BinaryIO) -> Iterator[list[bytes]]:
    while head := file.readline():
        command = []
        for _ in range(int(head[1:])):
            size = int(file.readline()[1:])
            command.append(file.read(size + 2)[:size])
        yield command


def replay(redis: Redis, prefix: list[Unit]) -> None:
    """Bring an empty server to the state after these units."""
    with redis.pipeline(transaction=False) as pipe:
        for unit in prefix:
            for command in unit.commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # as in redis-py
        pipe.execute()
