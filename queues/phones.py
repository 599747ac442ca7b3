"""Phones as person keys: one number is written in many ways."""

from __future__ import annotations

import re
from typing import Final

_SIGNS: Final = re.compile(r"[\W_]+")


def plain(phone: str) -> str:
    """The phone without signs; empty for what is none, such as "unknown".

    Its letters stay: 1-800-FLOWERS and 1-800-GOFEDEX differ in nothing else.
    """
    return _SIGNS.sub("", phone) if any(map(str.isdigit, phone)) else ""
