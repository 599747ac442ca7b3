"""The ids of what is under way, for every line logged meanwhile: batch, queue, request, job (Klaviyo's), snapshot.

They are set once, where a batch is taken up or a request begins, and read where a line is written (json_lines.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

_current: ContextVar[Mapping[str, str]] = ContextVar("log_ids", default=MappingProxyType({}))
# With a letter, for a number alone may be somebody's phone; an address has an @.
_OPAQUE: Final = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_-]{8,}")


def current() -> Mapping[str, str]:
    """Name -> id of everything that is under way here."""
    return _current.get()


def bind(**ids: str) -> None:
    """From here to the end of the context: an ASGI request's task, a thread, or the `bound` around it."""
    _current.set({**_current.get(), **ids})


@contextmanager
def bound(**ids: str) -> Iterator[None]:
    """Within the block."""
    token = _current.set({**_current.get(), **ids})
    try:
        yield
    finally:
        _current.reset(token)


def is_opaque(text: str) -> bool:
    """Whether an id that somebody else chose may stand in a log: at least 8 characters, no address, no number."""
    return _OPAQUE.fullmatch(text) is not None
