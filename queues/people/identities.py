"""The data remembered of people's identifiers, per connection: which Klaviyo profile belongs to whom.

It contains no addresses or ids: people and identifiers are keyed hashes of 8 bytes. They are in small Redis hashes,
which Redis stores compactly (identity_buckets.py; the form of the values: identity_tokens.py):

    p<hash of the person>      -> profile id, day of the verification, 4 bytes of each identifier that is on the profile
    t<hash of the person>      -> tokens of 4 bytes: audiences that the person is in (A...), identifiers that the person
                                  was delivered under (D..., for `forget`; X... and P... for external ids and phones,
                                  the last one is the current one); and tokens of 12 bytes: the CDP's own ids that
                                  stand for the person in an audience (O...; in 4 bytes with the first bit set those
                                  that an earlier version wrote)
    h<hash of an identifier>   -> tokens of 14 bytes: hash of a person who was delivered under it, ms since 1970
    i<hash of an identifier>   -> the same by an earlier version, 12 bytes with s since 1970
    s<hash of an identifier>   -> too many people share the identifier; ms since when

A person is named by the e-mail or, without one, by the strongest identifier.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, cast

from redis import Redis

from queues import keys
from queues.names import Queue
from queues.people import identity_buckets
from queues.people.identity_buckets import FieldWrite
from queues.people.identity_tokens import (
    ANY,
    DAY_MS,
    HASH,
    LETTERS,
    SHORT,
    Holder,
    RememberedPerson,
    audience_token,
    holder_token,
    holders_of,
    letter_of,
    own_token,
    person_of,
    profile,
    tokens_of,
    under,
)

#: The fields of an identifier: this version's and an earlier one's.
_HELD: Final = (b"h", b"i")
#: ms for which the hash of an erased person is kept.
ERASED_MS: Final = 30 * DAY_MS

#: Hashes that are kept for the next call: those of the largest batch, some ten MB.
_HASHES: Final = 50_000

Named = tuple[str, str]
#: The kind of name for a person of an earlier batch who is known only by hash.
KNOWN: Final = "known"


def named_by(identity: str) -> Named:
    """Return the identifier in an identity of the membership ledger: `email:ann@example.com`. Pure."""
    kind, _, value = identity.partition(":")
    return kind, value


@dataclass
class Identities:
    """The identities of one connection. Each method may raise redis.RedisError."""

    redis: Redis
    connection: str
    _orders: list[FieldWrite] = field(default_factory=list)
    # A batch asks for the same ones dozens of times.
    _hashes: dict[Named, bytes] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _key(self) -> bytes:
        if found := cast("bytes | None", self.redis.get(keys.IDENTITY_KEY)):
            return found
        self.redis.set(keys.IDENTITY_KEY, secrets.token_bytes(16), nx=True)
        return cast("bytes", self.redis.get(keys.IDENTITY_KEY))

    def hash(self, named: Named) -> bytes:
        """Return the keyed hash of an identifier, which is also that of the person it names."""
        if (known := self._hashes.get(named)) is None:
            text = f"{named[0]}\0{named[1]}".encode("utf-8", "surrogatepass")
            if len(self._hashes) >= _HASHES:  # a snapshot has millions
                self._hashes.clear()
            known = self._hashes[named] = hashlib.blake2b(text, digest_size=HASH, key=self._key).digest()
        return known

    def hash_of(self, name: Named) -> bytes:
        """Return the hash of a person by name, or by the placeholder for one (`KNOWN`)."""
        return bytes.fromhex(name[1]) if name[0] == KNOWN else self.hash(name)

    def short(self, named: Named) -> bytes:
        """Return the short hash of an identifier, used within the data of one person."""
        return self.hash(named)[:SHORT]

    def people(self, persons: Sequence[bytes]) -> dict[bytes, RememberedPerson]:
        """Return what is remembered of these people, by their hashes, without unknown people."""
        stored = self._read([kind + person for person in persons for kind in (b"p", b"t")])
        found = {}
        for person, value, tokens in zip(persons, stored[::2], stored[1::2], strict=True):
            if value or tokens:
                found[person] = person_of(value or b"", tokens or b"")
        return found

    def holders(self, identifiers: Sequence[bytes]) -> dict[bytes, list[Holder]]:
        """Return the people who were delivered under each of these identifiers, oldest delivery first."""
        stored = self._read([letter + each for letter in _HELD for each in identifiers])
        pairs = zip(identifiers, stored[: len(identifiers)], stored[len(identifiers) :], strict=True)
        return {each: holders_of(value or b"", before or b"") for each, value, before in pairs if value or before}

    def since(self, person: bytes, known: RememberedPerson, kind: str) -> int:
        """Return the CDP's time (ms) of the person's current value of a kind, 0 if there is none."""
        found = [token for token in known.now if token.startswith(letter_of(kind))]
        holders = self.holders([each for token in found for each in self._identifiers(token)])
        return max([0, *(one.at for some in holders.values() for one in some if one.person == person)])

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
        self.redis.hset(keys.shared(self.connection), f"{identifier[0]}:{each[:SHORT].hex()}", now)

    def remember(self, person: bytes, profile_id: str, on: Iterable[bytes], now: int) -> None:
        """Remember a person's profile and its identifiers (short hashes). Written by `flush`."""
        self._orders.append(FieldWrite(b"p" + person, b"s", profile(profile_id, now, on)))

    def take(self, lost: Mapping[bytes, Collection[bytes]]) -> None:
        """Remember that the profiles of these people no longer have those identifiers. Written by `flush`."""
        for person, known in (self.people(list(lost)) if lost else {}).items():
            on = known.on - {identifier[:SHORT] for identifier in lost[person]}
            if known.profile_id and on != known.on:
                self.remember(person, known.profile_id, on, known.day * DAY_MS)

    def take_from_others(self, getting: Mapping[bytes, bytes], elsewhere: Sequence[Identities]) -> None:
        """Remember at once that nobody else's profile has these identifiers any more, which Klaviyo shows as free.

        `getting`: by identifier, the person who is about to get it. `elsewhere`: of other connections to the account.
        There, all identifiers of the person are looked up again, because one of them may be replaced.
        """
        for memory in (self, *elsewhere):
            lost: dict[bytes, set[bytes]] = {}
            for identifier, having in memory.holders(list(getting)).items():
                for person in {holder.person for holder in having} - {getting[identifier]}:
                    lost.setdefault(person, set()).add(identifier)
            if memory is not self:
                lost |= {person: set(known.on) for person, known in memory.people(list(set(getting.values()))).items()}
            memory.take(lost)
            memory.flush()

    def doubt(self, person: bytes) -> None:
        """Discard what is remembered of the person's profile, because it proved wrong."""
        self._orders.append(FieldWrite(b"p" + person, b"d"))

    def deliver(self, person: bytes, named: Named, at: int, *, late: bool = False) -> None:
        """Remember that the person was delivered under an identifier.

        `at`: ms since 1970, the CDP's time. `late`: after a newer one.
        """
        identifier = self.hash(named)
        self._orders.append(FieldWrite(b"h" + identifier, b"a", holder_token(person, at)))
        letter = ANY if late else letter_of(named[0])
        self._token(b"a", person, under(letter, identifier))

    def leave(self, person: bytes, identifier: bytes) -> None:
        """Remove an identifier from the person."""
        self._orders.append(FieldWrite(b"h" + identifier, b"o", person))
        for letter in LETTERS:
            self._token(b"o", person, under(letter, identifier))

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

    def forget(self, person: bytes, now: int) -> None:
        """Delete everything remembered of a person who asked for it, including under their identifiers.

        The hash alone is kept for a while (`erased`).
        """
        (tokens,) = self._read([b"t" + person])
        for token in tokens_of(tokens or b""):
            if token.startswith(LETTERS):
                self._orders += [FieldWrite(b"h" + each, b"o", person) for each in self._identifiers(token)]
        self._orders += [FieldWrite(kind + person, b"d") for kind in (b"p", b"t")]
        key = keys.erased(self.connection)
        self.redis.zremrangebyscore(key, 0, now - ERASED_MS)
        self.redis.zadd(key, {person: now})

    def erased(self, persons: Sequence[bytes], now: int) -> set[bytes]:
        """Return the people who were erased in the last 30 days. `now`: ms."""
        asked = cast("list[str]", persons)  # redis-py takes bytes, too
        times = self.redis.zmscore(keys.erased(self.connection), asked) if asked else []
        return {each for each, at in zip(persons, times, strict=True) if at is not None and at > now - ERASED_MS}

    def flush(self) -> bool:
        """Write the calls made since the last flush; return False if memory is short, so that nothing new is kept."""
        orders, self._orders = self._orders, []
        return identity_buckets.write(self.redis, self.connection, orders)

    def _token(self, what: bytes, person: bytes, token: bytes) -> None:
        self._orders.append(FieldWrite(b"t" + person, what, token))

    def _identifiers(self, token: bytes) -> set[bytes]:
        """Return the hashes of the identifiers that a token of a person may stand for."""
        starts = tuple(letter + token[1:] for letter in _HELD)
        return {field[1:] for field in identity_buckets.fields(self.redis, self.connection, starts)}

    def _read(self, fields: Sequence[bytes]) -> list[bytes | None]:
        return identity_buckets.read(self.redis, self.connection, fields) if fields else []


def shared_values(redis: Redis, connections: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return for each connection the kind and part of the hash of each shared value, with the ms since when."""
    with redis.pipeline(transaction=False) as pipe:
        for connection in connections:
            pipe.hgetall(keys.shared(connection))
        answers = cast("list[dict[bytes, bytes]]", pipe.execute())
    found = zip(connections, answers, strict=True)
    return {name: {value.decode(): int(since) for value, since in each.items()} for name, each in found if each}
