"""Reads the body of a request, within limits of size; that of time is kept by protocol.py."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import falcon
import falcon.asgi

from intake import limits

#: Key of an ASGI scope: the server's own `receive`, which only what reads bodies calls (see app.py).
RECEIVE = "ferry.receive"
_HELD = "ferry.held"
_GZIP = 31  # zlib: a gzip header, and the largest window


class BodyReader:
    """Reads bodies for one process and counts what it holds of them."""

    def __init__(self, in_flight: int = limits.IN_FLIGHT) -> None:
        self._in_flight = in_flight
        self.held = 0
        self._unsigned = 0

    async def read(
        self, req: falcon.asgi.Request, most: int = limits.BODY, check: Callable[[bytes], None] | None = None
    ) -> bytes:
        """The whole body, decompressed, without a byte order mark. Raises the falcon.HTTPError of the limit it breaks.

        `check`: sees the body as it came, before anything is made of it, and may raise.
        """
        gzip = is_gzip(req)
        body = await (self._receive(req, most) if check is None else self._checked(req, most, check))
        if gzip:
            body = _decompress(body, most)
            self.hold(req, len(body))
        return body.removeprefix(codecs.BOM_UTF8)

    def let_go(self, req: falcon.asgi.Request, size: int) -> None:
        """So many bytes of a body that is still coming are held no longer."""
        self.held -= size
        req.scope[_HELD] -= size

    def release(self, scope: dict[str, object]) -> None:
        """The request is answered; its body takes no memory any more."""
        held = scope.get(_HELD)
        if isinstance(held, int):
            self.held -= held

    async def _checked(self, req: falcon.asgi.Request, most: int, check: Callable[[bytes], None]) -> bytes:
        """A body that shows by itself that it may be sent. Until it is checked it counts as a stranger's."""
        try:
            body = await self._receive(req, most, unsigned=True)
            check(body)
            return body
        finally:
            self._unsigned -= req.scope.get(_HELD, 0)

    def hold(self, req: falcon.asgi.Request, size: int, unsigned: bool = False) -> None:
        """So many bytes more are held. Raises HTTPServiceUnavailable when they are more than the process may hold."""
        self.held += size
        self._unsigned += size if unsigned else 0
        req.scope[_HELD] = req.scope.get(_HELD, 0) + size
        if self.held > self._in_flight or (unsigned and self._unsigned > limits.UNSIGNED):
            raise falcon.HTTPServiceUnavailable(
                title="Too much at once",
                description="This process holds all the messages its memory allows. Nothing was accepted; repeat it.",
                retry_after=1,
            )

    async def _receive(self, req: falcon.asgi.Request, most: int, unsigned: bool = False) -> bytes:
        receive = req.scope[RECEIVE]
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            part, more = await next_part(receive)
            size += len(part)
            self.hold(req, len(part), unsigned)
            if size > most:
                raise too_large(most)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


async def next_part(receive: Callable[[], Awaitable[dict[str, Any]]]) -> tuple[bytes, bool]:
    """What came of a body, and whether there is more. Raises HTTPBadRequest where the connection broke."""
    event = await receive()
    if event["type"] == "http.disconnect":
        raise falcon.HTTPBadRequest(title="The connection broke", description="Nothing was accepted; repeat it.")
    return event.get("body", b""), event.get("more_body", False)


def is_gzip(req: falcon.asgi.Request) -> bool:
    """Whether a body comes compressed. Raises HTTPUnsupportedMediaType for another compression."""
    encoding = (req.get_header("Content-Encoding") or "").lower()
    if encoding not in ("", "identity", "gzip"):
        raise falcon.HTTPUnsupportedMediaType(
            title="The body's compression is not known", description="Send it plain or with Content-Encoding: gzip."
        )
    return encoding == "gzip"


def _decompress(body: bytes, most: int) -> bytes:
    out = b""
    for _ in range(limits.STREAMS):
        stream = zlib.decompressobj(_GZIP)
        try:
            out += stream.decompress(body, most + 1 - len(out))
        except zlib.error:
            raise _broken_gzip() from None
        if len(out) > most:
            raise too_large(most)
        if not stream.eof:
            raise _broken_gzip()
        body = stream.unused_data  # gzip allows several streams in a row
        if not body:
            return out
    raise _broken_gzip()


def too_large(most: int) -> falcon.HTTPContentTooLarge:
    """The answer to a body beyond a limit of bytes."""
    return falcon.HTTPContentTooLarge(
        title="The body is too large",
        description=f"At most {most:,} bytes are read, decompressed. Nothing was accepted; send it in smaller parts.",
    )


def _broken_gzip() -> falcon.HTTPBadRequest:
    return falcon.HTTPBadRequest(
        title="The body is not gzip",
        description="Content-Encoding says gzip, but it breaks off, is something else, or is in far too many pieces. "
        "Nothing was accepted.",
    )
