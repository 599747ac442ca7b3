"""Countries as people write them, to ISO 3166-1 alpha-2, the form that phone numbers are read with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from mappings.country_table import COUNTRIES

_SMALL_WORDS = {"the", "and", "of"}
_CACHED = 4_096


def _folded(text: str) -> str:
    """Letters only, lower case, no accents, no small words: `U.S.A.` is `usa`, `Côte d'Ivoire` is `cotedivoire`."""
    decomposed = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z ]", "", decomposed.replace("-", " ")).split()
    # A word alone is kept whatever it is: Andorra's alpha-3 code is AND.
    return "".join(word for word in words if word not in _SMALL_WORDS or len(words) == 1)


def _names() -> Iterator[tuple[str, str]]:
    for entry in COUNTRIES.split(";"):
        code, alpha3, names = entry.split(maxsplit=2)
        for name in (code, alpha3, *names.split("|")):
            yield _folded(name), code


_BY_NAME = dict(_names())


@lru_cache(maxsize=_CACHED)
def _lookup(text: str) -> str | None:
    return _BY_NAME.get(_folded(text))


def alpha2(text: Any) -> str | None:
    """The alpha-2 code for an alpha-2 code, an alpha-3 code or an English name in any case; None when it is none."""
    return _lookup(text) if isinstance(text, str) else None
