"""The data remembered of people's identifiers, per connection: which Klaviyo profile belongs to whom.

It contains no addresses or ids: people and identifiers are keyed hashes of 8 bytes. They are in small Redis hashes,
which Redis stores compactly (identity_buckets.py):

    p<hash of the person>      -> profile id, day of the verification, 4 bytes of each identifier that is on the profile
    t<hash of the person>      -> tokens of 4 bytes: audiences that the person is in (A...), the CDP's own ids that
                                  stand for the person in an audience (the first bit is set), identifiers that the
                                  person was delivered under (D..., for `forget`; X... and P... for external ids and
                                  phones, the last of which is the current one)
    i<hash of an identifier>   -> tokens of 12 bytes: hash of a person who was delivered under it, s since 1970
    s<hash of an identifier>   -> too many people share the identifier; ms since when

A person is named by the e-mail or, without one, by the strongest identifier.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple, cast

from redis import Redis

from queues import keys
from queues.names import Queue
from queues.people import identity_buckets
from queues.people.identity_buckets import FieldWrite

#: Days for which a verification of a profile's identifiers is valid.
VERIFIED_DAYS: Final = 30
_DAY_MS: Final = 86_400_000
_HASH: Final = 8
_SHORT: Final = 4
_TOKEN: Final = 12
#: Bytes of an id in a token of `RememberedPerson.own`.
_OWN_ID: Final = 2
#: The letters of delivered identifiers: for kinds of which a person has one value at a time, and for other kinds.
_ONE_AT_A_TIME: Final = {"external_id": b"X", "phone": b"P"}
_ANY: Final = b"D"
_LETTERS: Final = (_ANY, *_ONE_AT_A_TIME.values())

Named = tuple[str, str]


class RememberedPerson(NamedTuple):
    """The data remembered of a person. `day`: of the verification, in days since 1970.

    `on`: short hashes of the identifiers on the profile. `audiences`, `own`: short hashes of the person's audiences,
    and of the CDP's ids that stand for the person in an audience (`own_token`). `now`: the newest external id and phone
    of the person.
    """

    profile_id: str = ""
    day: int = 0
    on: frozenset[bytes] = frozenset()
    audiences: frozenset[bytes] = frozenset()
    own: frozenset[bytes] = frozenset()
    now: frozenset[bytes] = frozenset()

    def own_in(self, queue: Queue) -> frozenset[bytes]:
        """Return the tokens of the CDP's ids that stand for the person in the audience of that queue."""
        start = own_token(bytes(_SHORT), queue)[:2]
        return frozenset(token for token in self.own if token.startswith(start))

    def has_other_ids(self, identifiers: Iterable[bytes]) -> bool:
        """Return whether one of the CDP's ids stands for the person, except these and the person's external id."""
        external = (token[1:] for token in self.now if token.startswith(_ONE_AT_A_TIME["external_id"]))
        known = {each[:_OWN_ID] for each in (*external, *identifiers)}
        return any(token[-_OWN_ID:] not in known for token in self.own)


class Holder(NamedTuple):
    """A person who was delivered under an identifier. `at`: s since 1970, the CDP's time."""

    person: bytes
    at: int


@dataclass
class Identities:
    """The identities of one connection. Each method may raise redis.RedisError."""

    redis: Redis
    connection: str
    _orders: list[FieldWrite] = field(default_factory=list)

    @cached_property
    def _key(self) -> bytes:
        self.redis.set(keys.IDENTITY_KEY, secrets.token_bytes(16), nx=True)
        return cast("bytes", self.redis.get(keys.IDENTITY_KEY))

    def hash(self, named: Named) -> bytes:
        """Return the keyed hash of an identifier, which is also that of the person it names."""
        text = f"{named[0]}\0{named[1]}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=_HASH, key=self._key).digest()

    def short(self, named: Named) -> bytes:
        """Return the short hash of an identifier, used within the data of one person."""
        return self.hash(named)[:_SHORT]

    def people(self, persons: Sequence[bytes]) -> dict[bytes, RememberedPerson]:
        """Return what is remembered of these people, by their hashes, without unknown people."""
        stored = self._read([kind + person for person in persons for kind in (b"p", b"t")])
        found = {}
        for person, value, tokens in zip(persons, stored[::2], stored[1::2], strict=True):
            if value or tokens:
                found[person] = _known(value or b"", tokens or b"")
        return found

    def holders(self, identifiers: Sequence[bytes]) -> dict[bytes, list[Holder]]:
        """Return the people who were delivered under each of these identifiers, oldest delivery first."""
        stored = self._read([b"i" + each for each in identifiers])
        return {each: list(_holders(value)) for each, value in zip(identifiers, stored, strict=True) if value}

    def since(self, person: bytes, known: RememberedPerson, kind: str) -> int:
        """Return the CDP's time (s) of the person's current value of a kind, 0 if there is none."""
        found = [token for token in known.now if token.startswith(_ONE_AT_A_TIME.get(kind, _ANY))]
        fields = [f for each in found for f in identity_buckets.fields(self.redis, self.connection, b"i" + each[1:])]
        return max(
            [0, *(one.at for value in self._read(fields) for one in _holders(value or b"") if one.person == person)]
        )

    def shared(self, identifiers: Sequence[bytes]) -> set[bytes]:
        """Return the identifiers that too many people share."""
        if not self.redis.exists(keys.shared(self.connection)):
            return set()
        stored = self._read([b"s" + each for each in identifiers])
        return {each for each, value in zip(identifiers, stored, strict=True) if value}

    def share(self, identifier: Named, now: int) -> None:
        """Count the identifier as shared from now on, and list it by its kind and part of its hash."""
        each = self.hash(identifier)
        self._orders.append(FieldWrite(b"s" + each, b"s", str(now).encode()))
        self.redis.hset(keys.shared(self.connection), f"{identifier[0]}:{each[:_SHORT].hex()}", now)

    def remember(self, person: bytes, profile_id: str, on: Iterable[bytes], now: int) -> None:
        """Remember a person's profile and its identifiers (short hashes). Written by `flush`."""
        day = (now // _DAY_MS).to_bytes(2)
        value = _packed(profile_id) + day + b"".join(sorted(on))
        self._orders.append(FieldWrite(b"p" + person, b"s", value))

    def take(self, lost: Mapping[bytes, Collection[bytes]]) -> None:
        """Remember that the profiles of these people no longer have those identifiers. Written by `flush`."""
        for person, known in (self.people(list(lost)) if lost else {}).items():
            on = known.on - {identifier[:_SHORT] for identifier in lost[person]}
            if known.profile_id and on != known.on:
                self.remember(person, known.profile_id, on, known.day * _DAY_MS)

    def doubt(self, person: bytes) -> None:
        """Discard what is remembered of the person's profile, because it proved wrong."""
        self._orders.append(FieldWrite(b"p" + person, b"d"))

    def deliver(self, person: bytes, named: Named, at: int, *, late: bool = False) -> None:
        """Remember that the person was delivered under an identifier.

        `at`: s since 1970, the CDP's time. `late`: after a newer one.
        """
        identifier = self.hash(named)
        self._orders.append(FieldWrite(b"i" + identifier, b"a", person + at.to_bytes(4)))
        letter = _ANY if late else _ONE_AT_A_TIME.get(named[0], _ANY)
        self._token(b"a", person, _under(letter, identifier))

    def leave(self, person: bytes, identifier: bytes) -> None:
        """Remove an identifier from the person."""
        self._orders.append(FieldWrite(b"i" + identifier, b"o", person))
        for letter in _LETTERS:
            self._token(b"o", person, _under(letter, identifier))

    def join(self, person: bytes, queue: Queue) -> None:
        """Remember that the person is on the list of that queue."""
        self._token(b"a", person, audience_token(queue))

    def quit(self, person: bytes, queue: Queue) -> None:
        """Remember that the person is off the list of that queue."""
        self._token(b"o", person, audience_token(queue))

    def own(self, person: bytes, identifier: bytes, queue: Queue) -> None:
        """Remember that one of the CDP's ids stands for the person in the audience of that queue."""
        self._token(b"a", person, own_token(identifier, queue))

    def disown(self, person: bytes, token: bytes) -> None:
        """Remember that one of the CDP's ids (`own_token`) no longer stands for the person in an audience."""
        self._token(b"o", person, token)

    def forget(self, person: bytes) -> None:
        """Delete everything remembered of a person who asked for it, including under their identifiers."""
        (tokens,) = self._read([b"t" + person])
        for token in _tokens(tokens or b""):
            if token.startswith(_LETTERS):
                found = identity_buckets.fields(self.redis, self.connection, b"i" + token[1:])
                self._orders += [FieldWrite(each, b"o", person) for each in found]
        self._orders += [FieldWrite(kind + person, b"d") for kind in (b"p", b"t")]

    def flush(self) -> bool:
        """Write the calls made since the last flush; return False if memory is short, so that nothing new is kept."""
        orders, self._orders = self._orders, []
        return identity_buckets.write(self.redis, self.connection, orders)

    def _token(self, what: bytes, person: bytes, token: bytes) -> None:
        self._orders.append(FieldWrite(b"t" + person, what, token))

    def _read(self, fields: Sequence[bytes]) -> list[bytes | None]:
        return identity_buckets.read(self.redis, self.connection, fields) if fields else []


def audience_token(queue: Queue) -> bytes:
    """Return the token of a queue in `RememberedPerson.audiences`."""
    return b"A" + hashlib.blake2b(str(queue).encode(), digest_size=_SHORT - 1).digest()


def own_token(identifier: bytes, queue: Queue) -> bytes:
    """Return the token in `RememberedPerson.own` of one of the CDP's ids in an audience.

    Two bytes of the audience, whose first bit is set, and two of the id: a person has few of either.
    """
    start = audience_token(queue)[1:3]
    return bytes([start[0] | 0x80, start[1]]) + identifier[:_OWN_ID]


def _under(letter: bytes, identifier: bytes) -> bytes:
    """Return a token with the part of an identifier that determines its bucket (identity_buckets.py)."""
    return letter + identifier[: _SHORT - 1]


def has_another(known: RememberedPerson, kind: str, identifier: bytes) -> bool:
    """Return whether the person now has another value of that kind, if people have one value of it at a time."""
    letter = _ONE_AT_A_TIME.get(kind, _ANY)
    having = {token for token in known.now if token.startswith(letter)}
    return bool(having) and _under(letter, identifier) not in having


def is_verified(known: RememberedPerson, now: int) -> bool:
    """Return whether the verification of the profile is still valid. `now`: ms."""
    return bool(known.profile_id) and now // _DAY_MS - known.day <= VERIFIED_DAYS


def _known(value: bytes, tokens: bytes) -> RememberedPerson:
    audiences = frozenset(token for token in _tokens(tokens) if token.startswith(b"A"))
    own = frozenset(token for token in _tokens(tokens) if token[0] & 0x80)
    # The last one of a letter is the newest.
    now = frozenset({token[:1]: token for token in _tokens(tokens) if token[:1] in _ONE_AT_A_TIME.values()}.values())
    if not value:
        return RememberedPerson(audiences=audiences, own=own, now=now)
    profile_id, rest = _unpacked(value)
    on = frozenset(rest[at : at + _SHORT] for at in range(2, len(rest), _SHORT))
    return RememberedPerson(profile_id, int.from_bytes(rest[:2]), on, audiences, own, now)


def _tokens(value: bytes) -> Iterator[bytes]:
    return (value[at : at + _SHORT] for at in range(0, len(value), _SHORT))


def _holders(value: bytes) -> Iterator[Holder]:
    for at in range(0, len(value), _TOKEN):
        yield Holder(value[at : at + _HASH], int.from_bytes(value[at + _HASH : at + _TOKEN]))


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


def shared_values(redis: Redis, connections: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return for each connection the kind and part of the hash of each shared value, with the ms since when."""
    with redis.pipeline(transaction=False) as pipe:
        for connection in connections:
            pipe.hgetall(keys.shared(connection))
        answers = cast("list[dict[bytes, bytes]]", pipe.execute())
    found = zip(connections, answers, strict=True)
    return {name: {value.decode(): int(since) for value, since in each.items()} for name, each in found if each}
