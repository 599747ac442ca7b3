"""A real SFTP server on loopback, with keys made for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh


@dataclass(frozen=True, slots=True)
class Keys:
    """A pair of keys: the private one as text, and the public one as known_hosts and authorized_keys have it."""

    private: str
    public: str


def keys() -> Keys:
    """A new pair."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    return Keys(made.export_private_key().decode(), made.export_public_key().decode().strip())


class Disk(asyncssh.SFTPServer):
    """One folder of the machine. `room`: bytes that still fit; `cut_after`: those after which the line breaks."""

    room: int | None = None
    cut_after: int | None = None
    written = 0

    def __init__(self, chan: Any, folder: Path) -> None:
        super().__init__(chan, chroot=str(folder).encode())

    def write(self, file_obj: object, offset: int, data: bytes) -> int | Awaitable[int]:
        """Write a block, or fail as it was told to."""
        cls = type(self)
        cls.written += len(data)
        if cls.cut_after is not None and cls.written > cls.cut_after:
            self.channel.get_connection().abort()
            raise asyncssh.SFTPConnectionLost("cut")
        if cls.room is not None and cls.written > cls.room:
            raise asyncssh.SFTPFailure("no space left on device")
        return super().write(file_obj, offset, data)


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, what is there, and what a client shows and expects."""

    port: int
    folder: Path
    host: Keys
    user: Keys
    disk: type[Disk]

    @property
    def settings(self) -> dict[str, str]:
        """For a client that does everything right."""
        return {
            "FERRY_SFTP_URL": f"sftp://klaviyo-user@127.0.0.1:{self.port}/profiles",
            "FERRY_SFTP_KEY": self.user.private,
            "FERRY_SFTP_HOST_KEY": f"127.0.0.1 {self.host.public}",
        }

    def files(self) -> dict[str, bytes]:
        """What is in the folder `profiles`, by name."""
        return {path.name: path.read_bytes() for path in (self.folder / "profiles").iterdir()}


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder from a thread, to one user who has a key."""
    (folder / "profiles").mkdir()
    host, user = keys(), keys()
    disk = type("OwnDisk", (Disk,), {})
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.import_private_key(host.private)],
            authorized_client_keys=asyncssh.import_authorized_keys(user.public),
            sftp_factory=lambda chan: disk(chan, folder),
            allow_scp=False,
        )

    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    try:
        yield Server(acceptor.get_port(), folder, host, user, disk)
    finally:
        asyncio.run_coroutine_threadsafe(_closed(acceptor), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _closed(acceptor: asyncssh.SSHAcceptor) -> None:
    acceptor.close()
    await acceptor.wait_closed()
