"""A body that is sent to the intake bit by bit, as the test has it."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from tests.support.intake import TOKEN


class Upload:
    """A PUT over a connection of its own, which is closed at the end of the block, whether or not the body is whole."""

    def __init__(self, port: int, path: str, length: int | None = None) -> None:
        """`length`: what the head says the body has; without it the body comes chunked."""
        self._chunked = length is None
        how = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        head = (
            f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Token {TOKEN}\r\nContent-Type: text/csv\r\n{how}\r\n\r\n"
        )
        self._connection.sendall(head.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def send(self, part: bytes) -> None:
        """More of the body."""
        self._connection.sendall(b"%x\r\n%b\r\n" % (len(part), part) if self._chunked else part)

    def end(self) -> None:
        """The body is whole."""
        self._connection.sendall(b"0\r\n\r\n")

    def is_answered(self) -> bool:
        """Whether an answer has begun to come, or the connection is closed."""
        self._connection.settimeout(0.02)
        try:
            self._connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        except OSError:
            return True
        else:
            return True
        finally:
            self._connection.settimeout(60)

    def answer(self) -> bytes:
        """The answer, as far as it came with its head."""
        found = b""
        while b"\r\n\r\n" not in found and (more := self._connection.recv(65_536)):
            found += more
        return found
