"""Klaviyo's filter expressions and query strings (Klaviyo: filtering guide)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode

from klaviyo.chunks import chunks

#: Most values in one `any`: a page holds 100, so a look-up of 100 people is answered in one.
MAX_VALUES = 100
#: Most bytes of an encoded `any`; with host, path and cursor the URL stays under 6 KB.
MAX_FILTER = 5_500


def equals(field: str, value: str) -> str:
    """`equals(field,"value")`, not yet encoded for a URL."""
    return f"equals({field},{_literal(value)})"


def any_of(field: str, values: Sequence[str]) -> Iterator[str]:
    """Filters `any(field,["a","b"])` that together name all `values`, each short enough for one URL."""
    for part in chunks(values, MAX_VALUES, MAX_FILTER, _encoded_size):
        yield f"any({field},[{','.join(_literal(value) for value in part)}])"


def query(parameters: Mapping[str, str]) -> str:
    """An encoded query string. `+` becomes %2B and a space %20, so that `a+b@example.com` stays itself."""
    return urlencode(parameters, quote_via=quote, safe="")


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encoded_size(value: str) -> int:
    # The comma that follows is three bytes once encoded, of which `chunks` counts one.
    return len(quote(_literal(value), safe="")) + 2
