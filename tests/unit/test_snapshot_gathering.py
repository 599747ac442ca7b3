from __future__ import annotations

import gc
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queues.members import BUCKETS, bucket_of
from snapshots.errors import Unreadable
from snapshots.gathering import gather
from snapshots.rows import Row, Unusable, alone, row

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
def test_every_identity_is_there_once_as_its_last_row_says(found: list[Row | Unusable]) -> None:
    numbered = [each._replace(number=number) for number, each in enumerate(found, 1)]
    gathered = gather(numbered)
    last = {each.identity: each for each in numbered if isinstance(each, Row)}
    buckets = [*gathered.buckets()]
    assert [number for number, _ in buckets] == [*range(BUCKETS)]
    assert {identity: each for _, people in buckets for identity, each in people.items()} == last
    assert all(bucket_of(identity) == number for number, people in buckets for identity in people)
    gathered.close()


@given(_ROWS)
def test_the_counts_add_up(found: list[Row | Unusable]) -> None:
    numbered = [each._replace(number=number) for number, each in enumerate(found, 1)]
    gathered = gather(numbered)
    counts, shrink = gathered.counts, sum(gathered.counts.shrink.values())
    last = {each.identity: each.customer or each.identity for each in numbered if isinstance(each, Row)}
    assert counts.people == len(last) == counts.customers + counts.expansion - shrink
    assert counts.customers == len({*last.values()}) + shrink
    assert counts.rows == len(found) == counts.people + counts.duplicates + shrink
    gathered.close()


def test_the_first_rows_that_cannot_be_sent_are_named_by_reason() -> None:
    gathered = gather([*(Unusable(n, "email_invalid") for n in range(1, 30)), Unusable(30, "identity_missing")])
    assert gathered.examples == {"email_invalid": [*range(1, 11)], "identity_missing": [30]}
    assert gathered.counts.shrink == {"email_invalid": 29, "identity_missing": 1}
    gathered.close()


def test_an_id_that_several_people_have_is_sent_with_none_of_them() -> None:
    both = [row(n, {"email": f"{name}@example.com", "external_id": "c-1"}, "c-1") for n, name in enumerate("ab", 1)]
    one = row(3, {"email": "c@example.com", "external_id": "c-2"}, "c-2")
    gathered = gather([*both, one])
    people = {known.identity: known for _, found in gathered.buckets() for known in found.values()}
    assert [people[known.identity] for known in both] == [alone(known)._replace(also=()) for known in both]
    assert people[one.identity] == one._replace(also=())
    assert gathered.counts.expansion == 1
    gathered.close()


def test_weaker_identities_are_known_by_their_buckets() -> None:
    gathered = gather([row(1, {"email": "a@example.com", "external_id": "c-1"}), row(2, {"external_id": "c-2"})])
    assert gathered.also(bucket_of("external_id:c-1")) == {"external_id:c-1"}
    assert gathered.also(bucket_of("external_id:c-2")) == frozenset()
    gathered.close()


def test_people_and_their_keys_are_found_among_all() -> None:
    known = [row(n, {"email": f"{name}@example.com", "external_id": name}) for n, name in enumerate("ab", 1)]
    gathered = gather(known)
    assert gathered.has(["email:a@example.com", "email:x@example.com", "external_id:a"]) == {"email:a@example.com"}
    assert gathered.keys_of_anyone([known[0].keys[0], known[1].keys[1], "x" * 16]) == {
        known[0].keys[0],
        known[1].keys[1],
    }
    gathered.close()


def test_what_breaks_off_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def broken() -> Iterator[Row]:
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
