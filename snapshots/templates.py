"""Make the names of a campaign's lists from templates as Amperity does (Amperity: data templates)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mappings.values import visible
from snapshots.rows import TemplateError

#: The most characters in the name of a list.
MAX_NAME: Final = 255
_MAX_TEMPLATE: Final = 1_000
_REMEDY: Final = "write for example {{ campaign_name }} - {{ group_name }} - {{ now|format'yyyy-mm-dd' }}"
#: Amperity writes the argument of its filter without parentheses.
_FORMAT: Final = re.compile(r"""\|\s*format\s*('[^']*'|"[^"]*")""")
_LETTERS: Final = re.compile("yyyy|MM|mm|dd|HH|[A-Za-z]+")
_PARTS: Final = {"yyyy": "%Y", "dd": "%d", "HH": "%H"}


def name(template: str, campaign_name: str, group_name: str, now: datetime) -> str:
    """Return the name of a list, 1 to 255 characters. Raises TemplateError."""
    if len(template) > _MAX_TEMPLATE or "{%" in template:
        raise TemplateError(f"a name may have text and {{{{ ... }}}}, at most {_MAX_TEMPLATE:,} characters: {_REMEDY}")
    values = {"campaign_name": campaign_name, "group_name": group_name, "now": Now(now)}
    try:
        made = _ENVIRONMENT.from_string(_FORMAT.sub(r"|format(\1)", template)).render(values).strip()
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise TemplateError(
            f"the name cannot be made ({error}); known variables: {', '.join(values)}; {_REMEDY}"
        ) from error
    if not visible(made):
        raise TemplateError(f"the name has no visible characters: {_REMEDY}")
    if len(made) > MAX_NAME:
        raise TemplateError(f"the name has {len(made):,} characters, not 1 to {MAX_NAME}: shorten it, or {_REMEDY}")
    return made


class Now:
    """The time of the request, which becomes text by `format` only: the whole time would name a new list each time."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def __str__(self) -> str:
        raise ValueError("now without a format is another text in each request, which would make a new list each time")

    __repr__ = __str__

    def written(self, code: str) -> str:
        """Return a part of the time, by strftime's code."""
        return self._moment.strftime(code)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Allows variables, their attributes and Ferry's filters. Calls and operators could fill the memory."""

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse every operator."""
        raise SecurityError(f"{operator} is not allowed in names")

    def is_safe_callable(self, obj: Any) -> bool:
        """Refuse every call."""
        return False


def _written(moment: object, form: str) -> str:
    if not isinstance(moment, Now):
        raise TypeError("format works only on now")
    parts: list[str] = []

    def part(letters: re.Match[str]) -> str:
        parts.append(_part(letters[0], parts))
        return moment.written(parts[-1])

    return _LETTERS.sub(part, form)


def _part(letters: str, before: Sequence[str]) -> str:
    """Return strftime's code for a part of a time. `before`: the codes of the parts in front of it.

    Programs differ in whether mm or MM is the month, so both are. After hours either would be the minutes, which would
    make a new list with every request.
    """
    if letters.lower() == "mm":
        if before and before[-1] == "%H":
            raise ValueError(f"{letters} after HH is the minutes, which would make a new list every minute")
        return "%m"
    if letters not in _PARTS:
        raise ValueError(f"{letters} is not a part of a time; use {', '.join(_PARTS)}, mm and MM")
    return _PARTS[letters]


_ENVIRONMENT: Final = _Sandbox(undefined=jinja2.StrictUndefined)
_ENVIRONMENT.filters = {"format": _written, "lower": str.lower, "upper": str.upper, "trim": str.strip}
