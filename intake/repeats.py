"""Finds names that stand twice in a JSON object.

JSON does not say which of the two values counts (RFC 8259, 4), and a proxy in front may have read the other one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import msgspec


class _Name:
    """A name of a member. Equal to no other, so that a decoded dictionary keeps every member."""

    __slots__ = ("text",)

    def __init__(self, _kind: type[_Name], text: str) -> None:
        self.text = text


_members = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=_Name)


def repeated(json: bytes | msgspec.Raw, names: Collection[str]) -> str:
    """The first of `names` that the object has more than once, empty when there is none.

    `json`: of an object that was decoded already. What is within its values is not looked at.
    """
    found = [member.text for member in _members.decode(json)]
    if len(set(found)) == len(found):
        return ""
    return next((name for name, times in Counter(found).items() if times > 1 and name in names), "")
