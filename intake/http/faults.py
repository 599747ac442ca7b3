"""Says where a message is wrong, in words that never repeat what stands there."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TypeVar

import falcon
import msgspec

from mappings import json_limits
from mappings.json_limits import NAMES, SMALL, LimitExceeded, TooMany
from text.json_names import TWICE, twice, unknown

T = TypeVar("T", bound=msgspec.Struct)

#: What msgspec raises for bytes that are no JSON, or JSON of another form.
UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])

#: The last place in the text: an earlier one may stand in a value that is quoted.
_PLACE = re.compile(r"^(?P<text>.*) - at `\$(?P<place>[^`]*)`$", re.DOTALL)
#: The only message that quotes a name of the sender's.
_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
#: Messages that quote the value, such as an enum's; the value may be somebody's address in the wrong field.
_QUOTES_VALUE = re.compile(r"^(Invalid .*?) ['\"].*$", re.DOTALL)


class TooMuch(Exception):
    """A message has more of something than a limit allows. `what`: where, what, and how much is read."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}. Nothing was accepted; send it in smaller parts.")


def describe(fault: Exception, place: str = "$", known: Collection[str] = ()) -> str:
    """Place and problem, such as "$.changes[3].email: Expected `str | null`, got `int`".

    `place`: where the piece that was decoded stands in the message. `known`: the names of an object that may have no
    others.
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
    """Decode a message. Raises falcon.HTTPBadRequest naming the place, also of a name that stands twice.

    `types`: what may stand in `type`. `apart`: names of what is read item by item later (`json_names.twice`).
    """
    message = decoded(decoder, body, types)
    check_names(body, apart)
    return message


def decoded(decoder: msgspec.json.Decoder[T], body: bytes, types: str = "") -> T:
    """The same of a message whose names are looked at later."""
    check_text(body)
    try:
        message = decoder.decode(body)
    except UNREADABLE as fault:
        description = describe(fault)
        if types and ("$.type" in description or "`type`" in description):
            description += f"; it must be one of {types}"
        raise bad_request(description) from None
    if body.count(b":") > NAMES:
        check_count(len(_members.decode(body)), NAMES, "names", "$")
    return message


def check_names(json: bytes | msgspec.Raw, apart: Collection[str] = (), place: str = "$") -> None:
    """Raise falcon.HTTPBadRequest where a name stands twice in its object, at any depth. `apart`: as for `read`."""
    try:
        found = twice(json, apart)
    except RecursionError as fault:
        raise bad_request(describe(fault, place)) from None
    if found:
        raise bad_request(f"{place}{found[0]}: {TWICE}")


def check_text(body: bytes, check: Callable[[bytes], None] = json_limits.check) -> None:
    """Raise falcon.HTTPBadRequest where a body is not text, or has too many levels or digits, and TooMuch for values.

    Before anything is made of it; msgspec does not look at what it skips. `check`: looks at the limits.
    """
    try:
        str(body, "utf-8")
        check(body)
    except UnicodeDecodeError as fault:
        raise bad_request(describe(fault)) from None
    except TooMany as fault:
        raise TooMuch(str(fault)) from None
    except LimitExceeded as fault:
        raise bad_request(str(fault)) from None


def check_size(json: bytes | msgspec.Raw, place: str) -> None:
    """Raise TooMuch where an object of an item, such as the attributes of a person, has too many names."""
    if len(json) < SMALL:
        return
    try:
        json_limits.check_names(bytes(json), place)
    except TooMany as fault:
        raise TooMuch(str(fault)) from None


def check_count(count: int, most: int, what: str, place: str) -> None:
    """Raise TooMuch where there are more than `most`; `what` they are, in the plural."""
    if count > most:
        raise TooMuch(f"{place}: {count:,} {what}; at most {most:,} are read")


def bad_request(description: str) -> falcon.HTTPBadRequest:
    """The answer to a message of which nothing can be used."""
    return falcon.HTTPBadRequest(
        title="The message cannot be read",
        description=f"{description}. Nothing was accepted; correct it and send it again.",
    )
