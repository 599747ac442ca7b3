"""A TCP proxy between a process and a server that delays, swallows, resets, cuts, or kills the process at a request."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from tests.support.frames import SETUP, Frames, redis_commands
from tests.support.link import Link, Trap, When, connect
from tests.support.waiting import apart, until


@dataclass
class Proxy:
    """Listens on a free port of the loopback address. `upstream`: `unix://<path>` or `http://<host>:<port>`.

    `seen`: the names of the requests since the last `kill_at` or `reset_at`, but for those that set a connection up.
    `sprung`: whether that came to pass. `cut`: whether `cut_after` did.
    """

    upstream: str
    frames: Frames = redis_commands
    seen: list[str] = field(default_factory=list)
    sprung: bool = False
    cut: bool = False

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._links: set[Link] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.forward()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for link in list(self._links):
            link.reset()

    def forward(self) -> None:
        """Pass everything on."""
        self._plan()

    def delay(self, seconds: float) -> None:
        """Hold every request back so long."""
        self._plan(wait=seconds)

    def blackhole(self) -> None:
        """Swallow every request."""
        self._plan(swallow=True)

    def cut_after(self, size: int) -> None:
        """Close the connection over which the server's `size`-th byte from now on comes, right after that byte."""
        self._plan(budget=size)

    def kill_at(
        self, number: int, when: When, kill: Callable[[], None], uncounted: frozenset[str] = frozenset()
    ) -> None:
        """Call `kill` at the request of that number, from 1; then nothing passes. `uncounted`: names of requests."""
        self._plan(trap=Trap(number, when, kill, uncounted))

    def reset_at(self, number: int, when: When, uncounted: frozenset[str] = frozenset()) -> None:
        """Reset the connection at the request of that number; others go on."""
        self._plan(trap=Trap(number, when, None, uncounted))

    def _plan(
        self, *, trap: Trap | None = None, wait: float = 0, swallow: bool = False, budget: int | None = None
    ) -> None:
        with self._lock:
            if trap:
                self.seen.clear()
                self.sprung = False
            self._over = self.cut = False
            self._trap, self._wait, self._swallow, self._budget = trap, wait, swallow, budget

    def drained(self, seconds: float = 30.0) -> None:
        """Return when every connection is gone and the server has carried out all that was forwarded."""
        until(lambda: not self._links, "every connection through the proxy is gone", seconds)

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                client = self._listener.accept()[0]
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    link = Link(client, connect(self.upstream))
                except OSError:  # the server is down, and so it looks from the client's side
                    client.close()
                    continue
                self._links.add(link)
                threading.Thread(target=self._requests, args=(link,), daemon=True).start()
                threading.Thread(target=self._replies, args=(link,), daemon=True).start()

    def _requests(self, link: Link) -> None:
        with suppress(OSError), link.client.makefile("rb") as reader:
            for name, frame in self.frames(reader):
                if not self._request(link, name, frame):
                    break
        with suppress(OSError):  # the server may have closed first
            link.server.shutdown(socket.SHUT_WR)

    def _request(self, link: Link, name: str, frame: bytes) -> bool:
        with self._lock:
            if self._over or link.deaf:
                return False
            trap = self._trap
            counted = trap.counts(name) if trap else name not in SETUP
            if counted:
                self.seen.append(name)
            trap = trap if trap and counted and len(self.seen) == trap.at else None
            wait, swallow = self._wait, self._swallow
        if wait:
            apart(wait)
        if trap and trap.when == "before":
            self._spring(link, trap)
            return False
        link.trap = trap or link.trap
        if not swallow:
            link.server.sendall(frame)
        return True

    def _spring(self, link: Link, trap: Trap) -> None:
        link.trap, link.deaf, self.sprung = None, True, True
        if trap.kill:
            self._over = True
            trap.kill()
        else:
            link.reset()

    def _replies(self, link: Link) -> None:
        with suppress(OSError):  # either side may be gone
            while data := link.server.recv(65_536):
                if link.trap:
                    if link.trap.when == "during":
                        link.client.sendall(data[: len(data) // 2])
                    self._spring(link, link.trap)
                elif not link.deaf:
                    self._reply(link, data)
        link.deaf = True  # what is still unread of a client that was killed counts no more
        with suppress(OSError):  # the client may have gone; closing alone would not end the other thread's reading
            link.client.shutdown(socket.SHUT_RDWR)
        link.client.close()
        link.server.close()
        self._links.discard(link)

    def _reply(self, link: Link, data: bytes) -> None:
        with self._lock:
            left = self._budget
            if left is not None:
                self._budget = None if left <= len(data) else left - len(data)
        link.client.sendall(data[:left])
        if left is not None and left <= len(data):
            link.deaf = self.cut = True
            link.client.shutdown(socket.SHUT_RDWR)
