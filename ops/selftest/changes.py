"""What an account did to two people when a row named both, found by comparing their profiles before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from klaviyo.lookups import FoundProfile

#: Outcomes of a row that names two people: it is refused, one person's identifier moves to the other, both become one
#: profile, or the row is accepted without the other person's identifier.
Clash = Literal["refuse", "overwrite", "merge", "leave out"]
#: Outcomes of rows with new values: the profile's e-mail is replaced, or one is added; two people get two profiles, or
#: one.
Other = Literal["rename", "append", "two profiles", "one profile"]
Did = Clash | Other | Literal["several e-mails", "one e-mail", "take"]
_WORDS: Final = {"email": "e-mail", "phone_number": "phone", "external_id": "external id"}


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer. `said`: the details, with Klaviyo's answer."""

    did: Did
    said: str


def clash(before: Mapping[str, FoundProfile], after: Mapping[str, FoundProfile], answer: str) -> Seen:
    """Return what happened to people when a row that named several of them was accepted.

    `before`: profiles by the names of the people. `after`: the remaining profiles by Klaviyo's id. `answer`: Klaviyo's.
    """
    gone = any(each.id not in after for each in before.values())
    changes = [*_changes(before, after)]
    did: Clash = "merge" if gone else "overwrite" if changes else "leave out"
    return Seen(did, f"{'; '.join(changes) or 'no profile was changed'} ({answer})")


def _changes(before: Mapping[str, FoundProfile], after: Mapping[str, FoundProfile]) -> Iterator[str]:
    owned = {getattr(each, name): f"{who}'s {word}" for who, each in before.items() for name, word in _WORDS.items()}
    for who, old in before.items():
        new = after.get(old.id)
        if new is None:
            yield f"{who}'s profile is gone"
            continue
        for name, word in _WORDS.items():
            value = getattr(new, name)
            if value is None and getattr(old, name) is not None:
                yield f"{who}'s profile lost its {word}"
            elif value != getattr(old, name):
                yield f"{who}'s profile now has {owned.get(value, f'a new {word}')}"
