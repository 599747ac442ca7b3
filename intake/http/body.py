"""Reads the body of a request within size limits; protocol.py applies the time limit."""

from __future__ import annotations

import asyncio
import codecs
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import falcon
import falcon.asgi

from intake.access.auth import is_anonymous, sender_of
from intake.http import limits
from intake.http.body_memory import BodyMemory, Full, RequestBody
from intake.http.doorkeeper import LOOPBACK, Network, RefusalCounter, peer_of_request
from intake.http.faults import LargeBodies, in_thread, read_apart
from text.surrogates import whole_characters

#: Key of an ASGI scope: the server's own `receive`, which only the body reader calls (see app.py).
RECEIVE = "ferry.receive"
#: Key of an ASGI request's state: whether its sender has shown a token or a signature (see protocol.py).
SIGNED: Final = "ferry.signed"
_HELD: Final = "ferry.held"
_GZIP_NAMES: Final = ("gzip", "x-gzip")  # RFC 9110, 8.4.1.3
_GZIP = 31  # zlib: a gzip header, and the largest window
#: Finds the sender of a request by its body, and raises the falcon.HTTPError of an unknown one.
Identify = Callable[[falcon.asgi.Request, bytes], None]


class BodyReader:
    """Reads bodies for one process, and divides its memory among the senders.

    `large`: gives large bodies their turns.
    """

    def __init__(self, trusted: Sequence[Network] = LOOPBACK) -> None:
        """`trusted`: proxies whose X-Forwarded-For names the peer."""
        self.large = LargeBodies()
        self._signed = BodyMemory(limits.IN_FLIGHT, limits.IN_FLIGHT // 2, limits.UNFINISHED)
        self._unsigned = BodyMemory(limits.UNSIGNED, limits.UNSIGNED // 2, limits.UNFINISHED_UNSIGNED)
        self._trusted = trusted
        self._turned_away = RefusalCounter()

    @property
    def held(self) -> int:
        """The bytes of all bodies held."""
        return self._signed.held + self._unsigned.held

    async def read(self, req: falcon.asgi.Request, most: int = limits.BODY) -> bytes:
        """Return the whole body, decompressed, without a byte order mark and without half characters.

        Raises the falcon.HTTPError of a limit that it exceeds.
        """
        gzip = is_gzip(req)
        body = await (self._receive(req, most) if is_anonymous(req) else self._soon(req, most))
        return await self._plain(req, body, most, gzip=gzip)

    async def read_signed(self, req: falcon.asgi.Request, identify: Identify) -> bytes:
        """Return the body of an anonymous request whose signature covers it as it was sent.

        `identify`: finds the sender by the body, or raises; only then is the body decompressed.
        """
        gzip = is_gzip(req)
        body = await self._receive(req, limits.BODY)
        self._identified(req, body, identify)
        return await self._plain(req, body, limits.BODY, gzip=gzip)

    async def read_keyed(self, req: falcon.asgi.Request, identify: Identify) -> bytes:
        """Return the body of an anonymous request that contains its sender's write key. `identify`: as above."""
        body = await self.read(req, limits.KEYED_BODY)
        self._identified(req, body, identify)
        return body

    def _identified(self, req: falcon.asgi.Request, body: bytes, identify: Identify) -> None:
        """Find the sender of a body; from here on its memory counts for its sender instead of an unknown peer."""
        identify(req, body)
        self.release(req.scope)
        self._begin(req, sender_of(req).name)
        self.hold(req, len(body))

    async def _plain(self, req: falcon.asgi.Request, body: bytes, most: int, *, gzip: bool) -> bytes:
        """Return the text of a body; a decompressed one is held in addition."""
        if gzip:
            small = len(body) <= limits.PACKED_AT_ONCE
            body = _decompress(body, most) if small else await in_thread(_decompress, body, most)
            self.hold(req, len(body))
        return await read_apart(body, whole_characters, body.removeprefix(codecs.BOM_UTF8))

    def let_go(self, req: falcon.asgi.Request, size: int) -> None:
        """Release `size` bytes of a body that is still arriving, and restart the time for the next piece."""
        shares, body = req.scope[_HELD]
        shares.give(body, size)
        body.since = _now()

    def release(self, scope: dict[str, object]) -> None:
        """Release all memory of the body, once the request is answered."""
        held = scope.pop(_HELD, None)
        if isinstance(held, tuple):
            shares, body = held
            shares.end(body)
        self._turned_away.tell()

    def hold(self, req: falcon.asgi.Request, size: int) -> None:
        """Count `size` more bytes as held. Raises HTTPServiceUnavailable when there is no room for them."""
        shares, body = self._of(req)
        try:
            gone = shares.take(body, size)
        except Full:
            self._name("a body", body)
            raise _too_much() from None
        if gone:
            self._note(gone)

    async def next_part(self, req: falcon.asgi.Request) -> tuple[bytes, bool]:
        """Return the next part of a body, and whether more follows.

        Raises HTTPBadRequest when the connection broke, HTTPServiceUnavailable when the body had to give way.
        """
        _, body = self._of(req)
        # Not asyncio.timeout, which would double the cost of this method.
        body.waits = task = asyncio.current_task()
        try:
            event = await req.scope[RECEIVE]()
        except asyncio.CancelledError:
            if task is None or not body.gone:
                raise
            task.uncancel()
            raise _too_much() from None
        finally:
            body.waits = None
        return _part(event)

    async def _soon(self, req: falcon.asgi.Request, most: int) -> bytes:
        """Return a body of a sender with a token; a small body that is complete at once is not counted.

        Most bodies are, and counting them would cost a twentieth of the work for a message. A process holds at most one
        of them per connection.
        """
        req.scope["state"][SIGNED] = True
        part, more = _part(await req.scope[RECEIVE]())
        if more or len(part) > limits.SMALL:
            return await self._receive(req, most, part, more)
        return part

    def _of(self, req: falcon.asgi.Request) -> tuple[BodyMemory, RequestBody]:
        """Return where the body of a request is counted; the first call starts the counting."""
        held: tuple[BodyMemory, RequestBody] | None = req.scope.get(_HELD)
        return held or self._begin(req, None if is_anonymous(req) else sender_of(req).name)

    def _begin(self, req: falcon.asgi.Request, sender: str | None) -> tuple[BodyMemory, RequestBody]:
        """`sender`: the owner of the body; None when it has shown no token yet, and the peer counts as the owner."""
        shares = self._unsigned if sender is None else self._signed
        owner = peer_of_request(req.scope, self._trusted) if sender is None else sender
        body = RequestBody(owner, _now(), req.scope)
        req.scope[_HELD] = shares, body
        req.scope["state"][SIGNED] = sender is not None
        if gone := shares.begin(body):
            self._note([gone])
        return shares, body

    def _note(self, gone: Iterable[RequestBody]) -> None:
        for body in gone:
            self._name("a slow body", body)

    def _name(self, what: str, body: RequestBody) -> None:
        self._turned_away.note(what, peer_of_request(body.scope, self._trusted))

    async def _receive(self, req: falcon.asgi.Request, most: int, part: bytes = b"", more: bool = True) -> bytes:
        """Return the body. `part`: what has arrived already; `more`: whether more follows."""
        parts: list[bytes] = []
        size = 0
        while True:
            size += len(part)
            self.hold(req, len(part))
            if size > most:
                raise too_large(most)
            parts.append(part)
            if not more:
                break
            part, more = await self.next_part(req)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _part(event: dict[str, Any]) -> tuple[bytes, bool]:
    if event["type"] == "http.disconnect":
        raise falcon.HTTPBadRequest(title="The connection broke", description="Nothing was accepted; repeat it.")
    return event.get("body", b""), event.get("more_body", False)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _too_much() -> falcon.HTTPServiceUnavailable:
    return falcon.HTTPServiceUnavailable(
        title="Too much at once",
        description="This process holds all the messages its memory allows. Nothing was accepted; repeat it.",
        retry_after=1,
    )


def media_type(req: falcon.asgi.Request) -> str:
    """Return the Content-Type without its parameters, in lower case."""
    return (req.content_type or "").partition(";")[0].strip().lower()


def is_gzip(req: falcon.asgi.Request) -> bool:
    """Return whether a body is compressed with gzip. Raises HTTPUnsupportedMediaType for another compression."""
    encoding = (req.get_header("Content-Encoding") or "").strip().lower()
    if encoding not in ("", "identity", *_GZIP_NAMES):
        raise falcon.HTTPUnsupportedMediaType(
            title="The body's compression is not known", description="Send it plain or with Content-Encoding: gzip."
        )
    return encoding in _GZIP_NAMES


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
    """Return the answer to a body that exceeds a limit of bytes."""
    return falcon.HTTPContentTooLarge(
        title="The body is too large",
        description=f"At most {most:,} bytes after decompression. Nothing was accepted; send it in smaller parts.",
    )


def _broken_gzip() -> falcon.HTTPBadRequest:
    return falcon.HTTPBadRequest(
        title="The body is not gzip",
        description="Content-Encoding says gzip, but the body breaks off, is something else, or has too many gzip "
        "streams. Nothing was accepted.",
    )
