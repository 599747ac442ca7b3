from __future__ import annotations

import gc
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queues.snapshots.members import BUCKETS, bucket_of
from snapshots.gathering import Gathered, gather
from snapshots.rows import SnapshotRow, Unreadable, Unusable, row
from snapshots.tally import first

_ROWS = st.lists(
    st.one_of(
        st.builds(
            lambda name, city, customer: row(
                1, {"email": f"{name}@example.com", "attributes": {"city": city}}, customer
            ),
            st.sampled_from("abcdefgh"),
            st.sampled_from(["Oslo", "Rome"]),
            st.sampled_from(["", "", "c-1", "c-2"]),
        ),
        st.builds(Unusable, st.just(1), st.sampled_from(["email_invalid", "identity_missing"])),
    ),
    max_size=20,
)


#: Each looks at all 4,096 buckets.
@settings(max_examples=40)
@given(_ROWS)
def test_every_identity_is_there_once_as_its_last_row_says(found: list[SnapshotRow | Unusable]) -> None:
    numbered = [each._replace(number=number) for number, each in enumerate(found, 1)]
    gathered = gather(numbered)
    last = {each.identity: each for each in numbered if isinstance(each, SnapshotRow)}
    buckets = [*gathered.buckets()]
    assert [number for number, _ in buckets] == [*range(BUCKETS)]
    assert {identity: each for _, people in buckets for identity, each in people.items()} == last
    assert all(bucket_of(identity) == number for number, people in buckets for identity in people)
    gathered.close()


@given(_ROWS)
def test_the_counts_add_up(found: list[SnapshotRow | Unusable]) -> None:
    numbered = [each._replace(number=number) for number, each in enumerate(found, 1)]
    gathered = gather(numbered)
    counts, shrink = gathered.counts, sum(gathered.counts.shrink.values())
    last = {each.identity: each.customer or each.identity for each in numbered if isinstance(each, SnapshotRow)}
    assert counts.people == len(last) == counts.customers + counts.expansion - shrink
    assert counts.customers == len({*last.values()}) + shrink
    assert counts.rows == len(found) == counts.people + counts.duplicates + shrink
    gathered.close()


def test_the_first_rows_that_cannot_be_sent_are_named_by_reason() -> None:
    gathered = gather([*(Unusable(n, "email_invalid") for n in range(1, 30)), Unusable(30, "identity_missing")])
    assert first(gathered.examples) == {"email_invalid": [*range(1, 11)], "identity_missing": [30]}
    assert len(gathered.examples["email_invalid"]) == gathered.counts.shrink["email_invalid"]
    assert gathered.counts.shrink == {"email_invalid": 29, "identity_missing": 1}
    gathered.close()


PHONE = "+14155552671"


def everybody(gathered: Gathered) -> dict[str, SnapshotRow]:
    """The people by identity, as all buckets have them."""
    found = {identity: person for _, people in gathered.buckets() for identity, person in people.items()}
    assert all(gathered.person(identity) == person for identity, person in found.items())
    return found


@pytest.mark.parametrize("weaker", [{"external_id": "c-1"}, {"phone": PHONE}, {"external_id": "c-1", "phone": PHONE}])
def test_what_several_people_have_stays_with_each_for_the_delivery_decides_who_gets_it(weaker: dict[str, str]) -> None:
    both = [row(n, {"email": f"{name}@example.com", **weaker}) for n, name in enumerate("ab", 1)]
    one = row(3, {"email": "c@example.com", "external_id": "c-2"}, "c-2")
    gathered = gather([*both, one])
    people = everybody(gathered)
    assert [people[known.identity] for known in (*both, one)] == [known._replace(also=()) for known in (*both, one)]
    gathered.close()


def test_addresses_of_one_customer_are_its_expansion() -> None:
    gathered = gather([row(n, {"email": f"{n}@example.com", "external_id": "c-1"}, "c-1") for n in (1, 2)])
    assert (gathered.counts.people, gathered.counts.customers, gathered.counts.expansion) == (2, 1, 1)
    gathered.close()


def test_customers_who_share_a_phone_and_have_no_address_are_two() -> None:
    gathered = gather([row(n, {"external_id": f"c-{n}", "phone": PHONE}) for n in (1, 2)])
    sent = [msgspec.json.decode(person.fragment) for person in everybody(gathered).values()]
    assert sorted(sent, key=str) == [{"external_id": f"c-{n}", "phone": PHONE} for n in (1, 2)]
    gathered.close()


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ({"email": "a@example.com", "external_id": "c-1"}, {"external_id": "c-1"}),
        ({"email": "a@example.com", "phone": PHONE}, {"phone": PHONE}),
        ({"external_id": "c-1", "phone": PHONE}, {"phone": PHONE}),
        ({"email": "a@example.com", "external_id": "c-1"}, {"external_id": "c-1", "phone": PHONE}),
    ],
)
def test_a_row_with_an_id_of_somebody_who_has_a_better_row_is_that_persons(
    stronger: dict[str, str], weaker: dict[str, str], first: int
) -> None:
    rows = [row(1, stronger), row(2, weaker)]
    gathered = gather(rows[::-1] if first else rows)
    assert set(everybody(gathered)) == {rows[0].identity}
    assert (gathered.counts.people, gathered.counts.duplicates, gathered.counts.shrink) == (1, 1, {})
    gathered.close()


def test_a_phone_is_that_of_the_person_whose_id_came_with_it() -> None:
    gathered = gather(
        [
            row(1, {"email": "a@example.com", "external_id": "c-1"}),
            row(2, {"external_id": "c-1", "phone": PHONE}),
            row(3, {"phone": PHONE}),
        ]
    )
    assert set(everybody(gathered)) == {"email:a@example.com"}
    assert gathered.whose(f"phone_number:{PHONE}") == ["email:a@example.com"]
    gathered.close()


@pytest.mark.parametrize("weaker", [{"external_id": "c-1"}, {"phone": PHONE}])
def test_a_row_with_nothing_but_what_several_people_have_could_be_any_of_them(weaker: dict[str, str]) -> None:
    rows = [row(n, {"email": f"{n}@example.com", **weaker}) for n in (1, 2)]
    gathered = gather([*rows, row(3, weaker)])
    assert set(everybody(gathered)) == {known.identity for known in rows}
    assert (gathered.counts.shrink, gathered.examples) == ({"ambiguous_person": 1}, {"ambiguous_person": [3]})
    assert (gathered.counts.people, gathered.counts.duplicates, gathered.counts.rows) == (2, 0, 3)
    gathered.close()


def test_weaker_identities_are_known_by_their_buckets_with_the_people_who_have_them() -> None:
    gathered = gather([row(1, {"email": "a@example.com", "external_id": "c-1"}), row(2, {"external_id": "c-2"})])
    assert gathered.also(bucket_of("external_id:c-1")) == {"external_id:c-1": ["email:a@example.com"]}
    assert gathered.whose("external_id:c-1") == ["email:a@example.com"]
    assert gathered.also(bucket_of("external_id:c-2")) == {}
    assert [*gathered.addresses()] == [["email:a@example.com"]]
    gathered.close()


def test_weaker_identities_of_an_earlier_row_of_a_person_stay_known() -> None:
    rows = [row(n, {"email": "a@example.com", "phone": phone}) for n, phone in enumerate((PHONE, "+14155552672"), 1)]
    gathered = gather([*rows, row(3, {"phone": PHONE})])
    assert everybody(gathered) == {"email:a@example.com": rows[1]._replace(also=())}
    assert gathered.whose(f"phone_number:{PHONE}") == gathered.whose("phone_number:+14155552672") == [rows[0].identity]
    gathered.close()


def test_the_last_of_rows_that_are_far_apart_counts() -> None:
    note = "x" * 5_000_000  # two of them are stored by themselves
    first, last = (row(n, {"email": "a@example.com", "attributes": {"note": note[n:]}}) for n in (1, 4))
    others = [row(n, {"email": f"{n}@example.com", "attributes": {"note": note}}) for n in (2, 3)]
    gathered = gather([first, *others, last])
    assert gathered.person(last.identity) == last
    assert (gathered.counts.people, gathered.counts.duplicates) == (3, 1)
    gathered.close()


def test_weaker_identities_may_be_asked_for_while_the_buckets_are_read() -> None:
    gathered = gather(row(n, {"email": f"{n}@example.com", "external_id": f"c-{n}"}) for n in range(100))
    asked = {identity for number, _ in gathered.buckets() for identity in gathered.also(number)}
    assert asked == {f"external_id:c-{n}" for n in range(100)}
    gathered.close()


def test_people_and_their_keys_are_found_among_all() -> None:
    known = [row(n, {"email": f"{name}@example.com", "external_id": name}) for n, name in enumerate("ab", 1)]
    gathered = gather(known)
    assert gathered.has(["email:a@example.com", "email:x@example.com", "external_id:a"]) == {"email:a@example.com"}
    (name, _), (_, other) = known[0].keys, known[1].keys
    assert gathered.named_by([name, other, "x" * 16]) == ({name}, {name, other})
    gathered.close()


def test_what_breaks_off_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def broken() -> Iterator[SnapshotRow]:
        for number in range(50_000):
            yield row(number, {"email": f"{number}@example.com", "attributes": {"note": "x" * 500}})
        assert not [*tmp_path.iterdir()], "personal data under a name that outlives a killed process"
        raise Unreadable("line 2")

    with pytest.raises(Unreadable):
        gather(broken())
    gc.collect()
    assert not [*tmp_path.iterdir()]


def test_many_rows_need_little_memory() -> None:
    one = row(1, {"email": "a@example.com", "attributes": {"note": "x" * 4_000}})
    tracemalloc.start()
    gathered = gather(
        one._replace(identity=f"email:{number}@example.com", fragment=one.fragment + b" ") for number in range(12_000)
    )
    for _ in gathered.buckets():
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gathered.close()
    assert most < 30_000_000
