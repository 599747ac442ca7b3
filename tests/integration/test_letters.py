"""Dead letters for whoever looks at very many of them: by id and reason, page by page, and one by one."""

from __future__ import annotations

from redis import Redis

from queues import dead_letters, letter_scan, pending
from queues.acceptance import Acceptance, DeadOnArrival, accept
from queues.clock import now_ms
from queues.policy import FlushPolicy
from tests.support.ledger import on_every_server
from tests.support.ops import LAPSED, VIPS, change, put, take
from tests.support.people import names

pytestmark = on_every_server


def bury(redis: Redis, people: list[str]) -> None:
    """They are dead on arrival, every second one for another reason."""
    reasons = ("malformed", "no_identity")
    dead = [DeadOnArrival(change(person), reasons[i % 2], "$") for i, person in enumerate(people)]
    accept(redis, Acceptance(VIPS, FlushPolicy(), "", [], dead), now_ms())


def test_all_letters_are_glanced_at_newest_first_however_many_there_are(redis: Redis) -> None:
    for start in range(0, 1_200, 300):
        bury(redis, names(300, start))
    kept = [(letter.id, letter.reason) for letter in dead_letters.read(redis, VIPS)]
    seen = [(f"{each.at}-{each.nth}", each.reason) for each in letter_scan.glances(redis, VIPS)]
    assert len(seen) == 1_200
    assert seen == kept[::-1]
    assert [*letter_scan.glances(redis, LAPSED)] == []


def test_letters_are_read_by_id_without_those_that_are_gone(redis: Redis) -> None:
    put(redis, dead="ann@example.com")
    put(redis, dead="bob@example.com", queue=LAPSED, name="Lapsed")
    (ann,), (bob,) = dead_letters.read(redis, VIPS), dead_letters.read(redis, LAPSED)
    asked = [(LAPSED, bob.id), (VIPS, "1-1"), (VIPS, ann.id)]
    assert letter_scan.some(redis, asked) == [bob, ann]
    assert letter_scan.some(redis, []) == []


def test_whose_person_is_in_an_open_batch_is_who_would_stay(redis: Redis) -> None:
    bury(redis, names(3))
    put(redis, "p1@example.com", "elsewhere@example.com")
    pending.flush(redis, VIPS, now_ms())
    assert take(redis) is not None
    found = [*dead_letters.read(redis, VIPS)]
    assert letter_scan.under_way(redis, found) == [False, True, False]
    done = dead_letters.replay(redis, VIPS, [letter.id for letter in found], now_ms())
    assert (done.replayed, done.stayed) == (2, 1), "the script finds the same"
