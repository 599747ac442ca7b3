"""Values that identify nobody: `0`, `null`, `n/a`, zeroes and dashes. They are not used as keys and not sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

#: Words that CDPs, spreadsheets and programs write for a missing id; compared without case and surrounding signs, with
#: any of `_BETWEEN` as the space.
PLACEHOLDERS: Final = frozenset(
    {
        *("null", "nil", "none", "nan", "undefined", "unknown", "void", "empty", "blank", "missing", "default"),
        *("n a", "na", "nul", "tbd", "object object", "nil uuid"),
        *("not set", "not available", "not applicable", "no id", "no email", "no mail"),
        *("guest", "anonymous", "anon", "visitor", "nobody", "noone", "no one", "test", "dummy", "deleted", "redacted"),
        *("true", "false"),
    }
)
#: Only zeroes and signs: `0`, `0.0`, `-`, `000-000`, `0x0`, the nil UUID, the one after it, the one of all ones.
#: mParticle and databases write `-1` for nobody, MySQL exports NULL as `\N`. Letters of any script are not signs.
#: Spreadsheets write `0E+00`, and `#REF!` and the like for a formula that failed.
_NOTHING: Final = re.compile(
    r"[0\W_]*|-1(?:[.,]0+)?|0[xX]0+|[-+]?0+(?:[.,]0*)?[eE](?:[-+]\d+|0+)|\\N|(?:0{4}-?){7}0{3}1"
    r"|[fF]{8}(?:-?[fF]{4}){3}-?[fF]{12}|#(?i:REF|NAME|VALUE|NULL|NUM|DIV/0|SPILL|CALC|FIELD|ERROR)[!?]"
)
#: An unfilled template: `{{customer.id}}`, `${id}`, `%CUSTOMER_ID%`, `*|ID|*`, `<%= id %>`, `[[id]]`, `{customer_id}`.
#: A program may write an id in braces, too, but with digits.
_TEMPLATE: Final = re.compile(
    r"\{\{.*\}\}|\$\{.*\}|%[A-Za-z_]\w*%|\*\|.*\|\*|<%.*%>|\[\[.*\]\]|\{[A-Za-z_.]+\}|<[A-Za-z_.]+>|\[[A-Za-z_.]+\]",
    re.DOTALL,
)
#: Other dashes and minus signs, which spreadsheets write.
_DASHES: Final = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")
#: A phone of one repeated digit, or of zeroes after a country code: +10000000000. Both end with one digit, repeated.
_REPEATED: Final = 7
_DUMMY_PHONE: Final = re.compile(rf"\+?(?:(\d)\1{{{_REPEATED - 1},}}|\d{{1,4}}?0{{{_REPEATED},}})")
#: The beginning of most ids, addresses and numbers, such as `c-17`: no placeholder has a digit or an @, and a value
#: that has one and means nothing begins with a zero or with another sign.
_SOMEBODY: Final = re.compile(r"[+(]?[1-9]|[A-Za-z][^1-9@]*[1-9@]")
_SIGNS: Final = " \t\r\n\"'`()[]{}<>-_.,;:\\/|*#?!\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a"
#: Signs between the words of a placeholder.
_BETWEEN: Final = re.compile(r"[\s_\-/\\.]+")


@dataclass(frozen=True)
class Blocked:
    """The blocked values: the defaults and the user's `values` (compared without case) and `patterns`."""

    values: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    _folded: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_folded", frozenset(value.strip().casefold() for value in self.values))

    @cached_property
    def _expressions(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(pattern, re.IGNORECASE) for pattern in self.patterns)

    def holds(self, kind: str, value: str) -> bool:
        """Whether a value of that kind of identifier (`email`, `phone`, `external_id`, `mpid` ...) is blocked.

        Klaviyo's name of the phone is understood too.
        """
        if self._folded and value.casefold() in self._folded:
            return True
        if self._expressions and any(each.fullmatch(value) for each in self._expressions):
            return True
        if kind == "email" and "@" in value:
            return False
        if kind in ("phone", "phone_number"):
            return value.endswith(value[-1:] * _REPEATED) and _DUMMY_PHONE.fullmatch(value) is not None
        return not (_SOMEBODY.match(value) and value.isascii()) and _is_nothing(_as_seen(value))


def _is_nothing(seen: str) -> bool:
    if any(each.fullmatch(seen) for each in (_NOTHING, _TEMPLATE)):
        return True
    words = _BETWEEN.sub(" ", seen.casefold().strip(_SIGNS))
    return words in PLACEHOLDERS or all(each in PLACEHOLDERS for each in words.split())


def _as_seen(value: str) -> str:
    """Return the value as a reader sees it: digits of any script as ASCII, without zero-width characters."""
    if value.isascii():
        return value.strip()
    plain = unicodedata.normalize("NFKC", value).translate(_DASHES)
    shown = (each for each in plain if unicodedata.category(each) != "Cf")
    return "".join(str(unicodedata.digit(each, each)) for each in shown).strip()


DEFAULT: Final = Blocked()


def read(entries: Iterable[str]) -> Blocked:
    """Read the setting `blocked_identifiers`: texts are values, `/.../` are patterns that match a whole value.

    Raises ValueError naming an invalid pattern.
    """
    values, patterns = [], []
    for entry in entries:
        if len(entry) > 2 and entry.startswith("/") and entry.endswith("/"):
            patterns.append(_checked(entry[1:-1]))
        else:
            values.append(entry)
    return Blocked(tuple(values), tuple(patterns))


def _checked(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as fault:
        raise ValueError(
            f"blocked_identifiers: /{pattern}/ is not a regular expression ({fault}); correct it"
        ) from fault
    return pattern
