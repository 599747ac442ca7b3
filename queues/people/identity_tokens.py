"""The form in which people and identifiers are remembered, and what it says about a person (identities.py). Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from queues.names import Queue

#: Days for which a verification of a profile's identifiers is valid.
VERIFIED_DAYS: Final = 30
DAY_MS: Final = 86_400_000
#: Bytes of the hash of a person or identifier, and of its part in the data of one person.
HASH: Final = 8
SHORT: Final = 4
#: Bytes of a holder's time, in ms; entries of an earlier version have seconds.
_TIME, _SECONDS = 6, 4
#: The letter of a person's audience, and of one of the CDP's ids that stand for the person in an audience.
_AUDIENCE, _OWN = b"A", b"O"
_OWN_TOKEN: Final = 12
#: The first bit of such an id in an entry of an earlier version, which has two bytes of the audience and of the id.
_OWN_BEFORE: Final = 0x80
#: The letters of delivered identifiers: for kinds with one value a person at a time, and for other kinds.
_ONE_AT_A_TIME: Final = {"external_id": b"X", "phone": b"P"}
ANY: Final = b"D"
LETTERS: Final = (ANY, *_ONE_AT_A_TIME.values())


class RememberedPerson(NamedTuple):
    """The data remembered of a person. `day`: of the verification, in days since 1970.

    `on`: short hashes of the identifiers on the profile. `audiences`, `own`: short hashes of the person's audiences,
    and the CDP's ids that stand for the person in an audience (`own_token`). `now`: the newest external id and phone of
    the person.
    """

    profile_id: str = ""
    day: int = 0
    on: frozenset[bytes] = frozenset()
    audiences: frozenset[bytes] = frozenset()
    own: frozenset[bytes] = frozenset()
    now: frozenset[bytes] = frozenset()

    def own_as(self, ids: Iterable[bytes]) -> frozenset[bytes]:
        """Return `own`. An entry of an earlier version is returned as the one of `ids` that it may stand for."""
        before = {_before(token): token for token in ids}
        return frozenset(before.get(token, token) for token in self.own)

    def own_in(self, queue: Queue, ids: Iterable[bytes] = ()) -> frozenset[bytes]:
        """Return the tokens of the CDP's ids that stand for the person in the audience of that queue.

        `ids`: as for `own_as`.
        """
        if not self.own:
            return self.own
        start = own_token(b"", queue)
        return frozenset(token for token in self.own_as(ids) if token.startswith((start, _before(start))))

    def owns(self, identifier: bytes) -> bool:
        """Return whether one of the CDP's own ids stands for the person in some audience."""
        return any(stands_for(token, identifier) for token in self.own)

    def has_other_ids(self, identifiers: Iterable[bytes]) -> bool:
        """Return whether one of the CDP's ids stands for the person, except these and the person's external id."""
        external = (token[1:] for token in self.now if token.startswith(_ONE_AT_A_TIME["external_id"]))
        known = (*external, *identifiers)
        return any(not any(stands_for(token, each) for each in known) for token in self.own)

    def has_now(self, kind: str, identifier: bytes) -> bool:
        """Return whether the person has an external id or phone now, or is known by one of the CDP's own ids."""
        if kind in _ONE_AT_A_TIME:
            return under(letter_of(kind), identifier) in self.now
        return self.owns(identifier)

    def has_instead_of(self, kind: str, identifier: bytes) -> bool:
        """Return whether the person has another id of that kind and not this one; the CDP's own ids are one kind."""
        others = has_another(self, kind, identifier) if kind in _ONE_AT_A_TIME else bool(self.own)
        return others and not self.has_now(kind, identifier)


class Holder(NamedTuple):
    """A person who was delivered under an identifier. `at`: ms since 1970, the CDP's time."""

    person: bytes
    at: int


def audience_token(queue: Queue) -> bytes:
    """Return the token of a queue in `RememberedPerson.audiences`."""
    return _AUDIENCE + _audience(queue)


def own_token(identifier: bytes, queue: Queue) -> bytes:
    """Return the token in `RememberedPerson.own` of one of the CDP's ids in an audience: its whole hash."""
    return _OWN + _audience(queue) + identifier


def stands_for(token: bytes, identifier: bytes) -> bool:
    """Return whether an `own_token` is of an identifier, as far as both are known."""
    part = token[SHORT:] if token.startswith(_OWN) else token[2:]
    return part.startswith(identifier) or identifier.startswith(part)


@lru_cache(maxsize=64)
def _audience(queue: Queue) -> bytes:
    return hashlib.blake2b(str(queue).encode(), digest_size=SHORT - 1).digest()


def _before(token: bytes) -> bytes:
    """Return the form that earlier versions gave an `own_token` (known.lua makes the same)."""
    return bytes([token[1] | _OWN_BEFORE, token[2]]) + token[SHORT : SHORT + 2]


def under(letter: bytes, identifier: bytes) -> bytes:
    """Return a token with the part of an identifier that determines its bucket (identity_buckets.py)."""
    return letter + identifier[: SHORT - 1]


def letter_of(kind: str) -> bytes:
    """Return the letter of a delivered identifier of that kind."""
    return _ONE_AT_A_TIME.get(kind, ANY)


def has_another(known: RememberedPerson, kind: str, identifier: bytes) -> bool:
    """Return whether the person now has another value of that kind, if people have one value of it at a time."""
    letter = letter_of(kind)
    having = {token for token in known.now if token.startswith(letter)}
    return bool(having) and under(letter, identifier) not in having


def is_verified(known: RememberedPerson, now: int) -> bool:
    """Return whether the verification of the profile is still valid. `now`: ms."""
    return bool(known.profile_id) and now // DAY_MS - known.day <= VERIFIED_DAYS


def person_of(value: bytes, tokens: bytes) -> RememberedPerson:
    """Read the data of a person. `value`: of the field `p`; `tokens`: of the field `t`."""
    found = list(tokens_of(tokens))
    audiences = frozenset(token for token in found if token.startswith(_AUDIENCE))
    own = frozenset(token for token in found if token.startswith(_OWN) or token[0] & _OWN_BEFORE)
    # The last one of a letter is the newest.
    now = frozenset({token[:1]: token for token in found if token[:1] in _ONE_AT_A_TIME.values()}.values())
    if not value:
        return RememberedPerson(audiences=audiences, own=own, now=now)
    profile_id, rest = _unpacked(value)
    on = frozenset(rest[at : at + SHORT] for at in range(2, len(rest), SHORT))
    return RememberedPerson(profile_id, int.from_bytes(rest[:2]), on, audiences, own, now)


def profile(profile_id: str, now: int, on: Iterable[bytes]) -> bytes:
    """Return the value of the field `p`. `now`: ms; `on`: short hashes of the identifiers on the profile."""
    return _packed(profile_id) + (now // DAY_MS).to_bytes(2) + b"".join(sorted(on))


def tokens_of(value: bytes) -> Iterator[bytes]:
    """Yield the tokens of the field `t`."""
    at = 0
    while at < len(value):
        end = at + (_OWN_TOKEN if value[at : at + 1] == _OWN else SHORT)
        yield value[at:end]
        at = end


def holder_token(person: bytes, at: int) -> bytes:
    """Return a token of the field `h`. `at`: ms since 1970."""
    return person + at.to_bytes(_TIME)


def holders_of(value: bytes, before: bytes) -> list[Holder]:
    """Return the people in the fields `h` and `i` of an identifier, each with the newest time, oldest delivery first.

    `before`: the field `i` of an earlier version, whose times are whole seconds.
    """
    found = {each.person: each for each in _holders(before, _SECONDS, 1000)}
    for each in _holders(value, _TIME, 1):
        known = found.pop(each.person, each)
        found[each.person] = max(known, each, key=lambda one: one.at)
    return list(found.values())


def _holders(value: bytes, time: int, unit: int) -> Iterator[Holder]:
    for at in range(0, len(value), HASH + time):
        end = at + HASH
        yield Holder(value[at:end], unit * int.from_bytes(value[end : end + time]))


_ULID: Final = 26
_ULID_BYTES: Final = 16
_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TO_PYTHON: Final = str.maketrans(_DIGITS, "0123456789ABCDEFGHIJKLMNOPQRSTUV")


def _packed(profile_id: str) -> bytes:
    """Return length and text, or 0 and 16 bytes for a ULID, the form of Klaviyo's ids."""
    text = profile_id.encode()
    if len(text) == _ULID and text[:1] <= b"7" and set(profile_id) <= set(_DIGITS):
        return b"\0" + int(profile_id.translate(_TO_PYTHON), 32).to_bytes(_ULID_BYTES)
    return bytes([len(text)]) + text


def _unpacked(value: bytes) -> tuple[str, bytes]:
    """Return a profile id and the bytes after it."""
    if value[0]:
        end = value[0] + 1
        return value[1:end].decode(), value[end:]
    number = int.from_bytes(value[1 : _ULID_BYTES + 1])
    return "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(_ULID))), value[_ULID_BYTES + 1 :]
