"""What is remembered of people's identifiers, which batch may send one, and which news is late."""

from __future__ import annotations

import pytest
from redis import Redis

from queues import keys, owners
from queues.connections import accounts
from queues.names import Queue
from queues.people import identities, identity_buckets, lateness
from queues.people.identities import Identities
from queues.people.identity_tokens import audience_token, has_another, is_verified, own_token
from queues.people.lateness import Newest
from tests.support.ops import LAPSED, VIPS

NOW = 1_800_000_000_000
DAY = 86_400_000
ANN, BOB = ("email", "ann@example.com"), ("email", "bob@example.com")
PHONE, ID = ("phone", "+14155552671"), ("external_id", "C-1")


@pytest.fixture
def memory(redis: Redis) -> Identities:
    return Identities(redis, "default")


@pytest.mark.parametrize("profile_id", ["01J9ZX3F5Q8R7T6V5W4X3Y2Z1A", "01ILOU" * 4 + "AA", "x" * 16, "x" * 26, "ü"])
def test_a_person_is_remembered_with_profile_and_identifiers(memory: Identities, profile_id: str) -> None:
    person = memory.hash(ANN)
    memory.remember(person, profile_id, [memory.short(PHONE)], NOW)
    assert memory.people([person]) == {}, "not before it is written"
    assert memory.flush()
    (known,) = memory.people([person, memory.hash(BOB)]).values()
    assert (known.profile_id, known.on) == (profile_id, frozenset({memory.short(PHONE)}))
    assert [is_verified(known, NOW + days * DAY) for days in (0, 30, 31)] == [True, True, False]


def test_a_server_that_has_forgotten_the_scripts_remembers_everybody_nevertheless(
    redis: Redis, memory: Identities
) -> None:
    people = [memory.hash(("email", f"p{number}@example.com")) for number in range(100)]
    for person in people:
        memory.remember(person, "x" * 16, (), NOW)
    redis.script_flush()
    assert memory.flush()
    redis.script_flush()
    assert memory.people(people).keys() == set(people)


def test_where_a_person_is_and_which_ids_stand_for_them_is_kept_as_sets(memory: Identities) -> None:
    person, by = memory.hash(ANN), memory.hash(ID)
    for _ in range(2):
        memory.join(person, VIPS)
        memory.join(person, LAPSED)
        memory.own(person, by, VIPS)
        memory.own(person, by, LAPSED)
        memory.flush()
    memory.quit(person, VIPS)
    memory.disown(person, own_token(by, VIPS))
    memory.flush()
    (known,) = memory.people([person]).values()
    assert known.audiences == {audience_token(LAPSED)}
    assert known.own == {own_token(by, LAPSED)}
    assert (known.own_in(LAPSED), known.own_in(VIPS)) == (known.own, frozenset())
    memory.forget(person, NOW)
    memory.flush()
    assert memory.people([person]) == {}


def test_an_identifier_leads_to_those_who_were_delivered_under_it_each_once(memory: Identities) -> None:
    by, ann, bob = (memory.hash(each) for each in (ID, ANN, BOB))
    for person, at in ((ann, NOW), (bob, NOW + 5), (ann, NOW + 9)):
        memory.deliver(person, ID, at)
    memory.flush()
    assert memory.holders([by])[by] == [(bob, NOW + 5), (ann, NOW + 9)]
    memory.leave(bob, by)
    memory.flush()
    assert [each.person for each in memory.holders([by])[by]] == [ann]


def test_of_ids_and_phones_a_person_has_the_newest_and_a_late_one_is_none(memory: Identities) -> None:
    ann, former = memory.hash(ANN), ("external_id", "C-0")
    for each in (former, ID, PHONE):
        memory.deliver(ann, each, NOW)
    memory.deliver(ann, former, NOW, late=True)
    memory.flush()
    (known,) = memory.people([ann]).values()
    assert [has_another(known, each[0], memory.hash(each)) for each in (former, ID, PHONE)] == [True, False, False]
    assert not has_another(known, "mpid", memory.hash(("mpid", "7")))
    memory.leave(ann, memory.hash(ID))
    memory.flush()
    (known,) = memory.people([ann]).values()
    assert not has_another(known, former[0], memory.hash(former))


def test_one_identifier_keeps_the_256_people_with_the_newest_times(memory: Identities) -> None:
    by, people = memory.hash(ID), [memory.hash(("email", f"p{number}@example.com")) for number in range(260)]
    for number, person in enumerate(reversed(people)):
        memory.deliver(person, ID, NOW - number)
    memory.flush()
    assert {each.person for each in memory.holders([by])[by]} == {*people[4:]}


def stored_before(redis: Redis, field: bytes, value: bytes) -> None:
    """An earlier version has written this field."""
    redis.hset(identity_buckets._bucket("default", field), mapping={field: value})


def test_the_times_of_an_earlier_version_are_read_as_seconds_and_give_way(memory: Identities, redis: Redis) -> None:
    by, ann, bob, cid = (memory.hash(each) for each in (ID, ANN, BOB, ("email", "cid@example.com")))
    seconds = NOW // 1000
    entries = [person + (seconds + more).to_bytes(4) for person, more in ((ann, 0), (bob, 7), (cid, 3))]
    stored_before(redis, b"i" + by, b"".join(entries))
    assert memory.holders([by])[by] == [(ann, NOW), (bob, NOW + 7_000), (cid, NOW + 3_000)]
    memory.deliver(ann, ID, NOW + 250)
    memory.deliver(bob, ID, NOW + 6_250)
    memory.flush()
    newest = [(cid, NOW + 3_000), (ann, NOW + 250), (bob, NOW + 7_000)]
    assert memory.holders([by])[by] == newest, "a process of that version may have written after this one"
    memory.deliver(bob, ID, NOW + 9_250)
    memory.leave(cid, by)
    memory.flush()
    assert memory.holders([by])[by] == [(ann, NOW + 250), (bob, NOW + 9_250)]
    memory.leave(ann, by)
    memory.leave(bob, by)
    memory.flush()
    assert memory.holders([by]) == {}


def test_an_id_of_the_cdp_in_an_entry_of_an_earlier_version_counts_until_it_is_replaced(
    memory: Identities, redis: Redis
) -> None:
    person, by, other = memory.hash(ANN), memory.hash(("mpid", "7")), memory.hash(("mpid", "8"))
    token = own_token(by, VIPS)
    before = bytes([token[1] | 0x80, token[2]]) + by[:2]
    stored_before(redis, b"t" + person, audience_token(VIPS) + before)
    known = memory.people([person])[person]
    assert known.audiences == {audience_token(VIPS)}
    assert (known.own_in(VIPS), known.own_in(LAPSED)) == (frozenset({before}), frozenset[bytes]())
    assert known.own_in(VIPS, [token]) == {token}
    assert known.own_in(VIPS, [own_token(other, VIPS)]) == {before}
    assert (known.has_other_ids([by]), known.has_other_ids([other])) == (False, True)
    memory.own(person, by, VIPS)
    memory.flush()
    assert memory.people([person])[person].own == {token}
    memory.disown(person, token)
    memory.flush()
    assert memory.people([person])[person].own == frozenset()


def test_an_erased_person_is_known_as_erased_for_thirty_days(memory: Identities) -> None:
    ann, bob = memory.hash(ANN), memory.hash(BOB)
    memory.forget(ann, NOW)
    memory.flush()
    assert memory.erased([bob, ann], NOW + 29 * DAY) == {ann}
    assert memory.erased([bob, ann], NOW + 30 * DAY) == set()
    memory.forget(bob, NOW + 31 * DAY)
    assert memory.redis.zcard(keys.erased("default")) == 1


def test_nobodys_address_or_id_stands_in_redis(memory: Identities, redis: Redis) -> None:
    memory.remember(memory.hash(ANN), "01J9ZX3F5Q8R7T6V5W4X3Y2Z1A", [memory.short(PHONE)], NOW)
    memory.deliver(memory.hash(ANN), ID, NOW)
    memory.share(PHONE, NOW)
    memory.flush()
    stored = b" ".join([name + (redis.dump(name) or b"") for name in redis.scan_iter()])
    assert not any(part in stored for part in (b"ann", b"example", b"C-1", b"4155552671"))


def test_two_installations_hash_a_person_differently(redis: Redis) -> None:
    first = Identities(redis, "default").hash(ANN)
    assert Identities(redis, "brand-b").hash(ANN) == first, "one key for all connections"
    redis.delete(keys.IDENTITY_KEY)
    assert Identities(redis, "default").hash(ANN) != first


def test_nothing_new_is_kept_where_memory_is_short_and_what_is_known_stays(memory: Identities, redis: Redis) -> None:
    memory.join(memory.hash(ANN), VIPS)
    memory.flush()
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"]) + 1_000)
    try:
        memory.join(memory.hash(BOB), VIPS)
        assert not memory.flush()
    finally:
        redis.config_set("maxmemory", 0)
    assert list(memory.people([memory.hash(ANN), memory.hash(BOB)])) == [memory.hash(ANN)]


def test_a_shared_value_is_known_for_one_and_listed_without_the_value(memory: Identities, redis: Redis) -> None:
    assert identities.shared_values(redis, ["default"]) == {}
    memory.share(PHONE, NOW)
    memory.flush()
    assert memory.shared([memory.hash(PHONE), memory.hash(ID)]) == {memory.hash(PHONE)}
    assert list(identities.shared_values(redis, ["default"])["default"].values()) == [NOW]


def open_batch(redis: Redis, name: str) -> str:
    redis.hset(keys.batch(name), "queue", str(VIPS))
    return name


def test_an_identifier_is_claimed_by_one_person_among_all_open_batches(redis: Redis, memory: Identities) -> None:
    first, second = open_batch(redis, "00-a"), open_batch(redis, "01-b")
    phone, ann, bob = (memory.hash(each) for each in (PHONE, ANN, BOB))
    assert owners.claim(redis, "default", first, {phone: ann}) == set()
    assert owners.claim(redis, "default", second, {phone: bob}) == {phone}
    assert owners.claim(redis, "default", second, {phone: ann}) == set(), "the same person may stand in two"
    assert owners.claim(redis, "brand-b", second, {phone: bob}) == set(), "another account has profiles of its own"
    owners.release(redis, "default", first)
    assert owners.claim(redis, "default", "02-c", {phone: bob}) == {phone}
    owners.release(redis, "default", second)
    assert owners.claim(redis, "default", "02-c", {phone: bob}) == set()


def test_connections_to_one_account_claim_an_identifier_together(redis: Redis, memory: Identities) -> None:
    phone, ann, bob = (memory.hash(each) for each in (PHONE, ANN, BOB))
    first, second = open_batch(redis, "00-a"), open_batch(redis, "01-b")
    assert owners.claim(redis, "unknown", first, {phone: ann}) == set()
    for connection, account in [("default", "AcMe01"), ("brand-a", "AcMe01"), ("brand-b", "OtHeR1")]:
        accounts.note(redis, connection, "key", account)
    assert owners.claim(redis, "default", first, {phone: ann}) == set()
    assert owners.claim(redis, "brand-a", second, {phone: bob}) == {phone}
    assert owners.claim(redis, "brand-b", second, {phone: bob}) == set(), "another account has profiles of its own"
    owners.release(redis, "default", first)
    assert owners.claim(redis, "brand-a", second, {phone: bob}) == set()


def test_a_claim_from_before_the_account_was_known_is_released(redis: Redis, memory: Identities) -> None:
    first = open_batch(redis, "00-a")
    assert owners.claim(redis, "default", first, {memory.hash(PHONE): memory.hash(ANN)}) == set()
    accounts.note(redis, "default", "key", "AcMe01")
    owners.release(redis, "default", first)
    assert not redis.exists(keys.claims("default"), keys.claims("default", first))


def test_a_claim_may_be_repeated_and_one_of_a_batch_that_is_over_is_void(redis: Redis, memory: Identities) -> None:
    phone, ann, bob = (memory.hash(each) for each in (PHONE, ANN, BOB))
    first = open_batch(redis, "00-a")
    for _ in range(2):
        assert owners.claim(redis, "default", first, {phone: ann}) == set()
    redis.delete(keys.batch(first))  # settled, and its worker died before it gave the claim up
    assert owners.claim(redis, "default", open_batch(redis, "01-b"), {phone: bob}) == set()


def test_ten_thousand_claims_are_given_up_whole(redis: Redis, memory: Identities) -> None:
    wanted = {memory.hash(("phone", str(number))): memory.hash(ANN) for number in range(2_500)}
    assert owners.claim(redis, "default", "00-a", wanted) == set()
    owners.release(redis, "default", "00-a")
    assert not redis.exists(keys.claims("default"), keys.claims("default", "00-a"))


def test_a_hash_is_the_same_however_often_and_by_whom_it_is_asked_for(
    redis: Redis, memory: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identities, "_HASHES", 3)
    names = [("email", f"p{number}@example.com") for number in range(10)]
    first = [memory.hash(named) for named in names]
    assert [memory.hash(named) for named in names] == first
    assert [Identities(redis, "default").hash(named) for named in names] == first
    assert len(set(first)) == len(names)


def test_the_newest_times_of_people_and_identifiers_are_kept(redis: Redis, memory: Identities) -> None:
    ann, phone = memory.hash(ANN), memory.hash(PHONE)
    lateness.note(redis, VIPS, {ann: Newest(NOW), phone: Newest(NOW - 5, NOW - 5)}, NOW)
    lateness.note(redis, VIPS, {ann: Newest(NOW - 9), phone: Newest(NOW)}, NOW)
    assert lateness.recall(redis, VIPS, [ann, phone], NOW) == {ann: Newest(NOW), phone: Newest(NOW, NOW - 5)}
    assert lateness.recall(redis, LAPSED, [ann], NOW) == {}, "another queue has times of its own"
    lateness.forget(redis, VIPS, [ann], NOW)
    assert lateness.recall(redis, VIPS, [ann], NOW) == {}


def test_times_are_kept_for_two_days_at_least_and_then_go(redis: Redis, memory: Identities) -> None:
    ann = memory.hash(ANN)
    lateness.note(redis, VIPS, {ann: Newest(NOW, NOW)}, NOW)
    assert lateness.recall(redis, VIPS, [ann], NOW + 2 * DAY) == {ann: Newest(NOW, NOW)}
    assert lateness.recall(redis, VIPS, [ann], NOW + 4 * DAY + 1) == {}
    assert all(0 < redis.pttl(key) <= 4 * DAY for key in redis.scan_iter(match="*said*"))


def test_the_times_of_thousands_of_people_are_read_with_those_of_the_generation_before(
    redis: Redis, memory: Identities
) -> None:
    everybody = [memory.hash(("email", f"p{number}@example.com")) for number in range(3_000)]
    before = {each: Newest(NOW + i, i) for i, each in enumerate(everybody[:2_000])}
    later = {each: Newest(NOW + i, 2 * i) for i, each in enumerate(everybody[1_000:2_500])}
    lateness.note(redis, VIPS, before, NOW)
    lateness.note(redis, VIPS, later, NOW + 2 * DAY)
    both = {
        each: Newest(*map(max, before.get(each, Newest()), later.get(each, Newest()))) for each in before.keys() | later
    }
    assert lateness.recall(redis, VIPS, everybody, NOW + 2 * DAY) == both
    assert lateness.recall(redis, VIPS, [], NOW) == {}


def test_a_queue_keeps_so_many_times_and_no_more(
    redis: Redis, memory: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lateness, "_MOST", 2)
    queue = Queue("default", "audience", "full")
    everybody = {memory.hash(("email", f"p{number}@example.com")): Newest(NOW, NOW) for number in range(8_000)}
    lateness.note(redis, queue, everybody, NOW)
    assert len(lateness.recall(redis, queue, list(everybody), NOW)) == 2 * 256
