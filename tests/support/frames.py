"""Cutting what a client sends into requests: one Redis command each, or one HTTP request each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from queues import scripts

#: Yields (name, bytes) of each complete request; a request cut off by the end of the stream is dropped.
Frames = Callable[[BinaryIO], Iterator[tuple[str, bytes]]]

#: What a client says on every new connection: dying there is dying before its first real request.
SETUP = frozenset({"HELLO", "AUTH", "CLIENT", "SELECT", "PING"})
_ACCEPT: Final = scripts.text("accept").strip()


def command_name(command: str, key: str) -> str:
    """What a command is called: of one that counts also where, for only metrics are counted beside a delivery.

    Of scripts that are sent as text only the one that accepts changes writes; `key`: the text.
    """
    if command == "EVAL" and key == _ACCEPT:
        return "EVAL accept"
    return f"{command} {key}" if command == "HINCRBY" else command


def redis_commands(reader: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Commands as arrays of bulk strings, the only form redis-py sends (Redis: serialization protocol)."""
    while True:
        head = reader.readline()
        parts = [head]
        for _ in range(int(head[1:] or b"0")):
            size = reader.readline()
            parts += [size, reader.read(int(size[1:] or b"0") + 2)]
        if len(parts) < 3 or not parts[-1].endswith(b"\r\n"):
            return
        key = parts[4].strip().decode("utf-8", "replace") if len(parts) > 4 else ""
        yield command_name(parts[2].strip().decode().upper(), key), b"".join(parts)


def http_requests(reader: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Requests of HTTP/1.1 with a Content-Length or without a body."""
    while line := reader.readline():
        head, length = [line], 0
        while head[-1].strip():
            head.append(reader.readline())
            name, _, value = head[-1].partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        body = reader.read(length)
        if len(body) < length:
            return
        method, path = line.split(b" ")[:2]
        yield f"{method.decode()} {path.decode().partition('?')[0]}", b"".join(head) + body
