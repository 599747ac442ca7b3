"""What a bucket of the membership ledger holds, and who is in which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.snapshots.buckets import (
    BUCKETS,
    GONE_MS,
    Bucket,
    Member,
    bucket_of,
    dump,
    gone_key,
    identifiers,
    identity,
    load,
    tidied,
)

times = st.integers(0, 2**53)
members = st.dictionaries(st.text(), st.builds(Member, times, st.binary(max_size=80)))
buckets = st.builds(Bucket, members, st.dictionaries(st.text(), times))


@given(buckets)
def test_a_stored_bucket_reads_back_as_it_was_written(bucket: Bucket) -> None:
    assert load(dump(bucket)) == bucket


def test_a_bucket_with_nothing_in_it_takes_no_place() -> None:
    assert dump(Bucket()) == b""
    assert load(None) == load(b"") == Bucket()
    assert dump(Bucket(gone={"k": 1})) != b""


@pytest.mark.parametrize(
    ("known", "name"),
    [
        ({"email": "Ann@Example.com", "phone_number": "+14155550132", "external_id": "C-1"}, "email:ann@example.com"),
        ({"external_id": "C-1", "phone_number": "+14155550132"}, "external_id:C-1"),
        ({"external_id": "C-1"}, "external_id:C-1"),
        ({"email": "", "external_id": "C-1"}, "external_id:C-1"),
        ({"email": None}, None),
        ({"phone": "+14155550132"}, None),
        ({}, None),
    ],
)
def test_a_person_is_named_by_the_strongest_identifier(known: dict[str, str | None], name: str | None) -> None:
    assert identity(known) == name


@given(st.sampled_from(["phone_number", "external_id"]), st.text(min_size=1))
def test_a_name_leads_back_to_the_identifier(name: str, value: str) -> None:
    assert identifiers(identity({name: value}) or "") == {name: value}


def test_a_name_leads_back_to_the_address_without_capitals() -> None:
    assert identifiers("email:ann@example.com") == {"email": "ann@example.com"}


def test_the_bucket_of_a_person_never_changes() -> None:
    # Stored members depend on these: with another hash nobody would be found again.
    names = ["email:ann@example.com", "phone_number:+14155550132", "external_id:C-1", "email:bjørn@example.com"]
    assert [bucket_of(name) for name in names] == [3223, 2352, 220, 1265]


@given(st.text())
def test_there_is_a_bucket_for_everybody(name: str) -> None:
    assert 0 <= bucket_of(name) < BUCKETS


def test_who_left_is_kept_without_a_name() -> None:
    assert "ann" not in gone_key("email:ann@example.com").lower()
    assert gone_key("email:ann@example.com") != gone_key("external_id:ann@example.com")


NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("left", "snapshot", "stays"),
    [
        (NOW - GONE_MS, NOW, False),
        (NOW - GONE_MS + 1, NOW, True),
        (NOW - GONE_MS, NOW - GONE_MS, False),
        (NOW - GONE_MS, NOW - GONE_MS - 1, True),
        (NOW - GONE_MS, 0, True),
    ],
)
def test_who_left_is_kept_until_a_snapshot_came_after_and_a_month_went_by(
    left: int, snapshot: int, stays: bool
) -> None:
    assert tidied(Bucket(gone={"k": left}), snapshot, NOW).gone == ({"k": left} if stays else {})


@given(buckets, times, times)
def test_tidying_leaves_every_member_and_whoever_left_after_the_snapshot(bucket: Bucket, at: int, now: int) -> None:
    tidy = tidied(bucket, at, now)
    assert tidy.members == bucket.members
    assert {key: left for key, left in bucket.gone.items() if left > at}.items() <= tidy.gone.items()
    assert tidied(tidy, at, now) == tidy
