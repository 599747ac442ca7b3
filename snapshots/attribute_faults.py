"""Why the mapping would leave an attribute of a row out, found before the row is mapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from mappings import fields
from mappings.errors import Reason, Unfit
from mappings.fields import READS
from mappings.rules import Rules
from mappings.values import MAX_STRING_BYTES, clean, clean_text, text_field

#: Text of this many characters is within Klaviyo's limit in any alphabet.
_SHORT: Final = MAX_STRING_BYTES // 4
#: Numbers below it, and above its negative, fit into 64 bits.
_FITS: Final = 2**63
_Read = Callable[[Any], Any]
#: Types of which every value is right if it is short or fits.
_USUAL: Final[dict[_Read, frozenset[type]]] = {
    clean: frozenset({str, int, float, bool, type(None)}),
    text_field: frozenset({str, int, float, type(None)}),
}


class AttributeFaults:
    """The faults of attributes under the rules of one destination."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._reads: dict[str, _Read | Reason] = {}
        self._usual: dict[str, frozenset[type]] = {}

    def of(self, values: Mapping[str, Any]) -> dict[str, Reason]:
        """Return why the mapping would leave attributes out, by name; nothing for those that it would not."""
        found: dict[str, Reason] = {}
        for name, value in values.items():
            kind = type(value)
            if kind in self._usual.get(name, ()):
                if kind is str:
                    if len(value) < _SHORT:
                        continue
                elif (kind is not int and kind is not float) or -_FITS < value < _FITS:
                    continue
            if reason := self._of(name, value):
                found[name] = reason
        return found

    def _of(self, name: str, value: object) -> Reason | None:
        read = self._reads.get(name) or self._remembered(name)
        if isinstance(read, Reason):
            return read
        if value is None:
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
            self._usual[name] = frozenset() if isinstance(found, Reason) else _USUAL.get(found, frozenset())
        return found
