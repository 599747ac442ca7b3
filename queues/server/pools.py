"""redis-py's pools and connections with what they lack: a limit at which commands wait, and why Redis refused one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import hiredis
from redis.asyncio.connection import UnixDomainSocketConnection as _AsyncUnixConnection
from redis.connection import HiredisRespSerializer
from redis.connection import UnixDomainSocketConnection as _UnixConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from queues.errors import NoFreeConnection

#: Seconds that a command waits for a connection.
WAIT_S: Final = 3.0


class Turns:
    """Lets `most` commands have a connection at the same time; the others wait. None: no limit."""

    def __init__(self, most: int | None = None) -> None:
        self._free = asyncio.Semaphore(most) if most else None

    async def take(self) -> None:
        """Wait for a turn. Raises NoFreeConnection after WAIT_S."""
        if self._free is not None:
            try:
                async with asyncio.timeout(WAIT_S):
                    await self._free.acquire()
            except TimeoutError:
                raise NoFreeConnection(WAIT_S) from None

    def give(self) -> None:
        """End a turn."""
        if self._free is not None:
            self._free.release()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Have a turn during the block. Raises NoFreeConnection."""
        await self.take()
        try:
            yield
        finally:
            self.give()


class Limited:
    """To inherit before one of redis-py's asyncio pools: it gives out connections in `turns`."""

    turns = Turns()

    async def get_connection(self, *args: Any, **options: Any) -> Any:
        """Return a connection. Raises NoFreeConnection, redis.RedisError."""
        await self.turns.take()
        try:
            found = await super().get_connection(*args, **options)  # type: ignore[misc]  # of the pool
        except BaseException:
            self.turns.give()
            raise
        found.has_turn = True  # redis-py also releases one that it could not connect
        return found

    async def release(self, connection: Any) -> None:
        """Take a connection back."""
        try:
            await super().release(connection)  # type: ignore[misc]  # of the pool
        finally:
            if getattr(connection, "has_turn", False):
                connection.has_turn = False
                self.turns.give()


class _Packing:
    """To inherit before one of redis-py's asyncio connections: it packs commands with hiredis, as all others do.

    redis-py packs those of asyncio in Python, argument by argument, which takes eight times as long.
    """

    _packer = HiredisRespSerializer()

    def pack_command(self, *args: Any) -> list[bytes]:
        """Return a command as it is sent. Raises redis.DataError."""
        if isinstance(args[0], str) and " " not in args[0]:  # redis-py divides a name of two words
            with suppress(TypeError):  # an argument that redis-py converts, or refuses
                return [hiredis.pack_command(args)]
        return self._packer.pack(*args)  # type: ignore[no-any-return]

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        """Return the commands of a pipeline as they are sent. Raises redis.DataError."""
        return [part for command in commands for part in self.pack_command(*command)]


def packing(kind: type[Any]) -> type[Any]:
    """Return an asyncio connection class of redis-py that packs commands with hiredis."""
    return type(kind.__name__, (_Packing, kind), {})


@contextmanager
def _with_last_words(descriptor: int, read: bytearray | None = None) -> Iterator[None]:
    """Raise what Redis said when it closed a Unix socket during the block, which a broken pipe would hide.

    `read`: what was read of the socket and not looked at yet.
    """
    kept = os.dup(descriptor)
    try:
        yield
    except RedisConnectionError as fault:
        said = bytes(read or b"")
        with suppress(OSError):
            os.set_blocking(kept, False)
            said += os.read(kept, 1024)
        if said.startswith(b"-ERR "):
            raise RedisConnectionError(said[5:].partition(b"\r\n")[0].decode("utf-8", "replace")) from fault
        raise
    finally:
        os.close(kept)


class UnixConnection(_UnixConnection):
    """A connection over a Unix socket."""

    def on_connect_check_health(self, check_health: bool = True) -> None:
        """Sign in."""
        socket: Any = self._sock
        with _with_last_words(socket.fileno()):
            super().on_connect_check_health(check_health)


class AsyncUnixConnection(_AsyncUnixConnection):
    """The same for asyncio."""

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        """Sign in."""
        writer: Any = self._writer
        reader: Any = self._reader  # asyncio does not let anybody read on once the connection is lost
        with _with_last_words(writer.get_extra_info("socket").fileno(), reader._buffer):
            await super().on_connect_check_health(check_health)
