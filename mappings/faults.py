"""Finds values that Klaviyo does not take, before a person is mapped. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mappings import fields
from mappings.errors import Reason, Unfit
from mappings.profile import READS, text_field
from mappings.rules import Rules
from mappings.values import MAX_STRING_BYTES, clean, clean_text

#: Text of this many characters is within Klaviyo's limit in any alphabet.
_SHORT: Final = MAX_STRING_BYTES // 4
_Read = Callable[[Any], Any]


class FieldFaults:
    """The faults of attributes under the rules of one destination."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._reads: dict[str, _Read | Reason] = {}

    def of(self, name: str, value: object) -> Reason | None:
        """Return why the mapping would leave the value of an attribute out; None if it would not."""
        read = self._reads.get(name) or self._remembered(name)
        if isinstance(read, Reason):
            return read
        if value is None or (isinstance(value, str) and len(value) < _SHORT and read in (clean, text_field)):
            return None
        try:
            plain = clean_text(value) if isinstance(value, str) else clean(value)
            if plain and not (isinstance(plain, str) and plain.isspace()):
                read(plain)
        except Unfit as unfit:
            return unfit.reason
        return None

    def _remembered(self, name: str) -> _Read | Reason:
        try:
            target = fields.place(name, self._rules, klaviyo_names=True).target
            found: _Read | Reason = clean if target.is_property else READS[target.name]
        except Unfit as unfit:
            found = unfit.reason
        if len(self._reads) < fields.CACHED_NAMES:
            self._reads[name] = found
        return found
