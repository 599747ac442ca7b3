"""The words, texts, numbers and signs that a trigger is written in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
    | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?![\w.]))
    | (?P<word>[A-Za-z_][\w-]*(?:\.[\w-]+|\[[0-9]{1,6}\])*)
    | (?P<sign>!=|[=(),!])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """`kind`: text, number, word, sign or end. `at`: the position of its first character, from 0."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    """Every token of `text`, the end last; raises ValueError with the position of what is none."""
    position = 0
    kind = ""
    while kind != "end":
        match = _TOKEN.match(text, position)
        if match is None:
            at = len(text) - len(text[position:].lstrip())
            raise ValueError(
                f"not understood from character {at + 1} on: {text[at : at + 20]!r}; compare with = and !=, "
                "call contains(...) and match(...), join by and, or, not and parentheses, put texts in quotes"
            )
        kind = match.lastgroup or ""
        yield Token(kind, match[kind], match.start(kind))
        position = match.end()
