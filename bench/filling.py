"""Fill a ledger with changes, as the intake would store them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from redis import Redis

from bench.messages import ACCOUNT, CONNECTION, message, number, phone, profile
from configuration.connections import Connection
from intake.audiences import Audiences
from intake.mparticle import membership
from intake.mparticle.messages import MembershipMessage, decoder
from queues import scripts
from queues.acceptance import Acceptance, calls
from queues.clock import now_ms

#: Messages in one round trip.
_AT_ONCE = 500


def messages(
    count: int, people: int, *, audience: int = 1, spread: int = 1, first: int = 0, again: int = 0
) -> Iterator[bytes]:
    """Yield `count` messages with `people` persons each: `spread` messages per audience, from `audience` on.

    `first`: number of the first message, which determines its people; a message with a number used before is skipped as
    a repetition. `again`: added to the message numbers, to send the same people once more.
    """
    for i in range(first, first + count):
        target = audience + (i - first) // spread
        persons = range(i * people, (i + 1) * people)
        yield message([profile(number(person), target, phone=phone(person)) for person in persons], number(i + again))


def acceptances(bodies: Iterable[bytes]) -> Iterator[Acceptance]:
    """Yield the acceptances that the intake makes of the messages."""
    audiences, connection = Audiences(), Connection(CONNECTION)
    for body in bodies:
        decoded = decoder.decode(body)
        if not isinstance(decoded, MembershipMessage):
            raise TypeError(f"a membership message was decoded as {type(decoded).__name__}")
        found = membership.acceptances(decoded, ACCOUNT, connection, audiences, now_ms())
        audiences.remember(found)
        yield from found


def accept(redis: Redis, found: Iterable[Acceptance]) -> None:
    """Store acceptances, many in a round trip."""
    rest = iter(found)
    while part := list(islice(rest, _AT_ONCE)):
        _accept(redis, part)


def _accept(redis: Redis, part: Sequence[Acceptance]) -> None:
    scripts.run_each(redis, "accept", [(call.keys, call.args) for call in calls(part, now_ms())])
