"""Reads a message and its address: where they are wrong, without repeating values, and large ones in a thread.

The thread lets other requests continue, and one large body at a time bounds the memory.
"""

from __future__ import annotations

import asyncio
import codecs
import contextvars
import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Final, ParamSpec, TypeVar

import falcon
import falcon.asgi
import msgspec

from intake.http.limits import AT_ONCE
from mappings import json_limits
from mappings.json_limits import NAMES, SMALL, LimitExceeded, TooMany
from text.json_names import TWICE, twice, unknown

T = TypeVar("T", bound=msgspec.Struct)
#: The errors of msgspec for bytes that are not JSON, or JSON of another form.
UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
#: Bytes decoded at once.
_PIECE: Final = 65_536
#: The last place in the text: an earlier one may be part of a quoted value.
_PLACE = re.compile(r"^(?P<text>.*) - at `\$(?P<place>[^`]*)`$", re.DOTALL)
#: The only message that quotes a name from the sender.
_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
#: Messages that quote the value, such as an enum's; the value may be a person's address in the wrong field.
_QUOTES_VALUE = re.compile(r"^(Invalid .*?) ['\"].*$", re.DOTALL)
#: One thread for the process: each thread keeps memory that it has freed.
_THREAD = ThreadPoolExecutor(1, "large")
#: The turn of a small body: it is always free.
_AT_ONCE: Final = nullcontext()
P = ParamSpec("P")
R = TypeVar("R")


class TooMuch(Exception):
    """A message has more of something than a limit allows. `what`: the place, the thing and the limit."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}. Nothing was accepted; send it in smaller parts.")


def describe(fault: Exception, place: str = "$", known: Collection[str] = ()) -> str:
    """Return place and problem, such as "$.changes[3].email: Expected `str | null`, got `int`".

    `place`: the place of the decoded part in the message. `known`: the names of an object that allows no others.
    """
    if isinstance(fault, RecursionError):
        return f"{place}: nested too deeply"
    if isinstance(fault, UnicodeDecodeError):
        return f"{place}: not UTF-8 (byte {fault.start})"
    text = str(fault)
    if found := _PLACE.search(text):
        place, text = place + found["place"], found["text"]
    if named := _UNKNOWN.match(text):
        return f"{place}.{unknown(named[1], known)}"
    unquoted = _QUOTES_VALUE.sub(r"\1", text)
    return f"{place}: {unquoted}"


def read(decoder: msgspec.json.Decoder[T], body: bytes, types: str = "", apart: Collection[str] = ()) -> T:
    """Decode a message. Raises falcon.HTTPBadRequest naming the place, also for a name that occurs twice.

    `types`: the allowed values of `type`. `apart`: names of arrays that are read item by item later
    (`json_names.twice`).
    """
    message = decoded(decoder, body, types)
    check_names(body, apart)
    return message


def decoded(decoder: msgspec.json.Decoder[T], body: bytes, types: str = "") -> T:
    """Decode a message whose names are checked later."""
    check_text(body)
    try:
        message = decoder.decode(body)
    except UNREADABLE as fault:
        description = describe(fault)
        if types and ("$.type" in description or "`type`" in description):
            description += f"; it must be one of {types}"
        raise bad_request(description) from None
    if len(body) >= SMALL:
        check_count(len(_members.decode(body)), NAMES, "names", "$")
    return message


def check_names(json: bytes | msgspec.Raw, apart: Collection[str] = (), place: str = "$") -> None:
    """Raise falcon.HTTPBadRequest when a name occurs twice in its object, at any depth. `apart`: as for `read`."""
    try:
        found = twice(json, apart)
    except RecursionError as fault:
        raise bad_request(describe(fault, place)) from None
    if found:
        raise bad_request(f"{place}{found[0]}: {TWICE}")


def check_text(body: bytes, check: Callable[[bytes], None] = json_limits.check) -> None:
    """Raise falcon.HTTPBadRequest when a body is not text, or has too many levels or digits, and TooMuch for values.

    Called before decoding, because msgspec does not check what it skips. `check`: checks the limits.
    """
    try:
        if not body.isascii():
            _check_utf8(body)
        check(body)
    except UnicodeDecodeError as fault:
        raise bad_request(describe(fault)) from None
    except TooMany as fault:
        raise TooMuch(str(fault)) from None
    except LimitExceeded as fault:
        raise bad_request(str(fault)) from None


def _check_utf8(body: bytes) -> None:
    """Raise UnicodeDecodeError with its place. In pieces, because the whole text may take four times the memory."""
    at = 0
    while at < len(body):
        piece = body[at : at + _PIECE]
        try:
            at += codecs.utf_8_decode(piece, "strict", at + _PIECE >= len(body))[1]
        except UnicodeDecodeError as fault:
            fault.start += at
            raise


def check_size(json: bytes | msgspec.Raw, place: str) -> None:
    """Raise TooMuch when an object within an item, such as the attributes of a person, has too many names."""
    if len(json) < SMALL:
        return
    try:
        json_limits.check_names(bytes(json), place)
    except TooMany as fault:
        raise TooMuch(str(fault)) from None


def check_count(count: int, most: int, what: str, place: str) -> None:
    """Raise TooMuch when `count` is more than `most`. `what`: the plural of what is counted."""
    if count > most:
        raise TooMuch(f"{place}: {count:,} {what}; at most {most:,} are read")


def bad_request(description: str) -> falcon.HTTPBadRequest:
    """Return the answer to a message that cannot be used."""
    return falcon.HTTPBadRequest(
        title="The message cannot be read",
        description=f"{description}. Nothing was accepted; correct it and send it again.",
    )


def check_query(req: falcon.asgi.Request, *known: str) -> None:
    """Raise HTTPBadRequest when the address has an unknown parameter, or one of them twice.

    If ignored, a misspelt `?connection=` would send people to another account, and a misspelt `?rows=` would not check.
    """
    for name, value in req.params.items():
        if name not in known:
            raise bad_request(f"?{unknown(name, known)}")
        if isinstance(value, list):
            raise bad_request(f"?{name}: {TWICE.replace('JSON', 'an address')}")


class LargeBodies:
    """Gives large bodies their turns, for all requests of one process.

    A thread instead of a process: within the limits no step of the reading blocks the interpreter for more than about
    10 ms, the event loop runs between steps, and nothing has to be copied.
    """

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    def turn(self, body: bytes) -> AbstractAsyncContextManager[None]:
        """Return a block that waits until no other large body is being read or stored; a small body does not wait.

        Reading a body takes several times its memory, so several large bodies at once would take too much.
        """
        return _AT_ONCE if len(body) <= AT_ONCE else self._one


async def read_apart(body: bytes, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return the result of a call that reads a body; the call runs in a thread when the body is large."""
    if len(body) <= AT_ONCE:
        return call(*args, **kwargs)
    return await in_thread(call, *args, **kwargs)


async def in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return the result of a call that runs in the thread for large bodies, with the current ids of log lines."""
    run = partial(contextvars.copy_context().run, call, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_THREAD, run)
