"""Parses triggers, which select the messages for an action.

They are written in the part of Segment's filter language (FQL) that its actions need.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mappings.segment.conditions import (
    NEVER,
    Condition,
    Contains,
    Every,
    Is,
    Match,
    Not,
    Predicate,
    Some,
    for_type,
    predicate,
    types,
)
from mappings.segment.paths import Path, parse_path

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


class FqlToken(NamedTuple):
    """`kind`: text, number, word, sign or end. `at`: the position of its first character, from 0."""

    kind: str
    text: str
    at: int


def tokenize(text: str) -> Iterator[FqlToken]:
    """Yield every token of `text`, the end last; raises ValueError with the position of an invalid one."""
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
        yield FqlToken(kind, match[kind], match.start(kind))
        position = match.end()


#: The types of message that every trigger checks. A trigger must name any other type (`page`, `group`, ...), so that
#: `userId != null` does not make a profile of every page view.
_USUAL: Final = frozenset({"identify", "track"})
#: Nested parentheses and negations, well within the limit of Python's stack.
_MAX_DEPTH: Final = 30
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_KEYWORDS: Final = frozenset({"and", "or", "not", *_WORDS})
#: It would hold for messages without a type, which fire nothing.
_NO_TYPE: Final = Is(Path(("type",)), "")
_FUNCTIONS: Final[dict[str, Callable[[Path, str], Condition]]] = {"contains": Contains, "match": Match}


@dataclass(frozen=True, slots=True)
class Trigger:
    """A condition and its source text. `tests`: what is left to test in a message of each type that it can hold for."""

    text: str
    condition: Condition
    tests: dict[str, Predicate] = field(compare=False, repr=False)

    def fires(self, message: dict[str, Any]) -> bool:
        """Return whether the action is for this message."""
        test = self.tests.get(type_of(message))
        return test is not None and test(message)


def type_of(message: dict[str, Any]) -> str:
    """Return the type of the message; empty if it is not a text."""
    kind = message.get("type")
    return kind if isinstance(kind, str) else ""


def parse(text: str) -> Trigger:
    """Parse the trigger in `text`; raises ValueError with the position of an error.

    Comparisons (`type = "track"`, `properties.plan != null`), `contains(event, "Order")` and `match(event, "Order *")`
    are combined by `and`, `or`, `not` and parentheses; `and` binds tighter than `or`. All is case-sensitive.
    """
    reader = _Reader(tokenize(text))
    condition = reader.some(0)
    reader.take("end", '"and", "or" or the end')
    left = {kind: for_type(condition, kind) for kind in _USUAL.union(types(condition)) if isinstance(kind, str)}
    return Trigger(text, condition, {kind: predicate(each) for kind, each in left.items() if each != NEVER})


class _Reader:
    """Reads tokens by recursive descent, one method for each rule of the language."""

    def __init__(self, tokens: Iterator[FqlToken]) -> None:
        self._tokens = tokens
        self._next = next(tokens)

    def some(self, depth: int) -> Condition:
        parts = [self._every(depth)]
        while self._skip("or"):
            parts.append(self._every(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def take(self, kind: str, wanted: str, text: str | None = None) -> FqlToken:
        """Return the next token and move on; raises ValueError if it is not of this kind and text."""
        token = self._next
        if token.kind != kind or text not in (None, token.text):
            raise ValueError(f"character {token.at + 1}: expected {wanted}, not {token.text or 'the end'!r}")
        if kind != "end":
            self._next = next(self._tokens)
        return token

    def _every(self, depth: int) -> Condition:
        parts = [self._one(depth)]
        while self._skip("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _one(self, depth: int) -> Condition:
        if depth > _MAX_DEPTH:
            raise ValueError(f"character {self._next.at + 1}: nested more than {_MAX_DEPTH} deep; simplify it")
        if self._skip("not") or self._skip("!"):
            return Not(self._one(depth + 1))
        if self._skip("("):
            inner = self.some(depth + 1)
            self.take("sign", "a closing parenthesis", ")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        name = self.take("word", "a field such as event or traits.plan")
        if name.text in _KEYWORDS:
            raise ValueError(f"character {name.at + 1}: expected a field such as event, not {name.text!r}")
        if name.text in _FUNCTIONS and self._skip("("):
            return self._call(_FUNCTIONS[name.text])
        sign = self.take("sign", "= or !=")
        if sign.text not in ("=", "!="):
            raise ValueError(f"character {sign.at + 1}: expected = or !=, not {sign.text!r}")
        value = self._next
        condition = Is(_path(name), self._value())
        if condition == _NO_TYPE:
            raise ValueError(f'character {value.at + 1}: no message has an empty type; name one, such as "track"')
        return condition if sign.text == "=" else Not(condition)

    def _call(self, function: Callable[[Path, str], Condition]) -> Condition:
        path = _path(self.take("word", "a field such as event or traits.plan"))
        self.take("sign", "a comma", ",")
        text = _unquoted(self.take("text", "a text in quotes").text)
        self.take("sign", "a closing parenthesis", ")")
        return function(path, text)

    def _value(self) -> str | float | bool | None:
        if self._next.kind == "text":
            return _unquoted(self.take("text", "").text)
        if self._next.kind == "number":
            number = self.take("number", "").text
            return float(number) if "." in number else int(number)
        word = self.take("word", "a text in quotes, a number, true, false or null")
        if word.text not in _WORDS:
            raise ValueError(f'character {word.at + 1}: put the text in quotes: "{word.text}"')
        return _WORDS[word.text]

    def _skip(self, text: str) -> bool:
        """Skip the next token if it is this word or sign; return whether it was."""
        if self._next.kind not in ("word", "sign") or self._next.text != text:
            return False
        self._next = next(self._tokens)
        return True


def _path(word: FqlToken) -> Path:
    return parse_path(f"$.{word.text}")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
