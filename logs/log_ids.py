"""The ids of the current work for every line logged: batch, queue, request, job (Klaviyo's), snapshot.

They are set once, when a batch is taken up or a request begins, and read when a line is written (lines.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

_current: ContextVar[Mapping[str, str]] = ContextVar("log_ids", default=MappingProxyType({}))
# At least one letter, because a number may be a phone number; no @, as in an e-mail address.
_OPAQUE: Final = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_-]{8,}")


def current() -> Mapping[str, str]:
    """Return the ids of the current context by name."""
    return _current.get()


def bind(**ids: str) -> None:
    """Set ids until the context ends: an ASGI request's task, a thread, or the surrounding `bound`."""
    _current.set({**_current.get(), **ids})


@contextmanager
def bound(**ids: str) -> Iterator[None]:
    """Set ids within the block."""
    token = _current.set({**_current.get(), **ids})
    try:
        yield
    finally:
        _current.reset(token)


def is_opaque(text: str) -> bool:
    """Return whether an external id may be logged: at least 8 characters, no address, no number."""
    return _OPAQUE.fullmatch(text) is not None
