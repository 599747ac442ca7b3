"""People, keys and tokens with marks that stand nowhere else, and a search for these marks in every form."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, cast
from urllib.parse import quote, unquote_plus

from redis import Redis

#: A part of every text that is marked.
MARK = "kanarie"
ANN = f"{MARK}-Ann+vip@example.com"
BEN = f"o'{MARK}-ben@example.com"
CAT = f"{MARK}.cat@example.com"
BLOCKED = f"fail+blocked@{MARK}.example.com"
NO_ADDRESS = f"{MARK} is no address"
PHONE = "+1 (415) 555-0177"
E164 = "+14155550177"
EXTERNAL_ID = f"c/{MARK}/17"
MPID = "7700177001770"
API_KEY = f"pk_{MARK}0123456789abcdef"
SPOILT_KEY = f"pk_{MARK} with a space"
TOKEN = f"{MARK}-token-0123456789"
WRONG_TOKEN = f"{MARK}-wrong-token-0123"
SECRET = f"the {MARK} secret of this installation"
HASHED = hashlib.sha256(ANN.lower().encode()).hexdigest()
_DIGITS = (E164[2:], MPID)
_MARKS = re.compile("|".join((MARK, *_DIGITS, HASHED)))
_NOT_IN_NUMBERS = re.compile(r"[ ().-]")


def marks(found: str | bytes) -> set[str]:
    """The marks in a text, however it is packed or escaped."""
    data = found.encode() if isinstance(found, str) else found
    return {mark for form in _forms(data) for mark in _MARKS.findall(form)}


def _forms(data: bytes) -> Iterator[str]:
    for unpacked in filter(None, (data, _or_nothing(zlib.decompress, data), _or_nothing(_zlib_in_base64, data))):
        text = unpacked.decode(errors="replace").lower()
        yield text
        yield unquote_plus(text)
        yield _NOT_IN_NUMBERS.sub("", text)
        yield re.sub(r"\\u00([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), text)
    words = (word for word in data.split() if len(word) > len(MARK))
    yield b"\n".join(_or_nothing(base64.b64decode, word) for word in words).decode(errors="replace").lower()


def _zlib_in_base64(data: bytes) -> bytes:
    return zlib.decompress(base64.b64decode(data))


def _or_nothing(unpack: Callable[[bytes], bytes], data: bytes) -> bytes:
    try:
        return unpack(data)
    except (zlib.error, binascii.Error, ValueError):
        return b""


def packed() -> list[bytes]:
    """One mark in every form that the search must know."""
    plain = ANN.encode()
    return [
        plain,
        quote(ANN, safe="").encode(),
        json.dumps({"a": "".join(f"\\u{ord(sign):04x}" for sign in ANN)}).replace("\\\\", "\\").encode(),
        zlib.compress(plain),
        base64.b64encode(zlib.compress(plain)),
        base64.b64encode(plain),
        PHONE.encode(),
        HASHED.upper().encode(),
    ]


def leaks(redis: Redis) -> dict[str, set[str]]:
    """Marks by key: in the names of all keys, and in the values of all but those made to hold people."""
    found = {key.decode(errors="replace"): marks(key) for key in redis.scan_iter(count=1000)}
    for key in found:
        found[key] |= set().union(*map(marks, () if _holds_people(key) else values(redis, key)))
    return {key: where for key, where in found.items() if where}


def _holds_people(key: str) -> bool:
    """Changes that wait, that are under way, and that died (queues/keys.py)."""
    return re.fullmatch(r"ferry:\{p\d\d\}:(q:.*:(pending|dead)|b:[^:]*:changes)", key) is not None


def values(redis: Redis, key: str) -> list[bytes]:
    """Everything in the value of a key."""
    match redis.type(key):
        case b"string":
            return [cast("bytes", redis.get(key))]
        case b"hash":
            # What Klaviyo said of a person waits in the progress of an open batch until it becomes a dead letter.
            stored = cast("dict[bytes, bytes]", redis.hgetall(key))
            return [part for name, value in stored.items() if name != b"progress" for part in (name, value)]
        case b"list":
            return cast("list[bytes]", redis.lrange(key, 0, -1))
        case b"set":
            return list(cast("set[bytes]", redis.smembers(key)))
        case b"zset":
            return cast("list[bytes]", redis.zrange(key, 0, -1))
        case b"stream":
            entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrange(key))
            return [value for _, fields in entries for value in chain(*fields.items())]
        case b"none":  # gone since it was listed
            return []
    raise AssertionError(f"nobody looks into keys of the type of {key}")


class Heard(logging.Handler):
    """Keeps everything that is logged in this process, from every logger and at every level, tracebacks included."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []
        self.loggers: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """The line, and whatever else the record carries."""
        self.loggers.add(record.name.partition(".")[0])
        rest: dict[str, Any] = {name: value for name, value in vars(record).items() if name != "exc_info"}
        self.lines.append(f"{record.name}: {self.format(record)} {rest!r}")

    def leaks(self) -> list[str]:
        """The lines that hold a mark."""
        return [line for line in self.lines if marks(line)]
