"""What an account did to two people when a row named both, read from their profiles before and after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from klaviyo.lookups import FoundProfile

#: Of a row that names two people: it is not taken, one person's identifier goes to the other, both become one profile,
#: or the row is taken without the other person's identifier.
Clash = Literal["refuse", "overwrite", "merge", "leave out"]
#: Of rows with something new: the profile gets another e-mail, or one more; two people are two profiles, or one.
Other = Literal["rename", "append", "two profiles", "one profile"]
Did = Clash | Other | Literal["several e-mails", "one e-mail", "take"]
_WORDS: Final = {"email": "e-mail", "phone_number": "phone", "external_id": "external id"}


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer. `said`: the same at length, with Klaviyo's own words."""

    did: Did
    said: str


def clash(before: Mapping[str, FoundProfile], after: Mapping[str, FoundProfile], told: str) -> Seen:
    """What became of people when a row that named several of them was taken.

    `before`: by what they are called. `after`: by the id of Klaviyo's profile, those that are left. `told`: what
    Klaviyo answered.
    """
    gone = any(each.id not in after for each in before.values())
    told_of = [*_changes(before, after)]
    did: Clash = "merge" if gone else "overwrite" if told_of else "leave out"
    return Seen(did, f"{'; '.join(told_of) or 'no profile was changed'} ({told})")


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
                yield f"{who}'s profile has no {word} any more"
            elif value != getattr(old, name):
                yield f"{who}'s profile has {owned.get(value, f'a new {word}')} now"
