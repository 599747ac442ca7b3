from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.snapshots.members import Bucket, Member, gone_key
from snapshots.digests import digests
from snapshots.plan import PlannedChange, diff
from snapshots.rows import SnapshotRow, of_member, row

AT = 1_000
_NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
_TIMES = st.sampled_from([0, AT - 1, AT, AT + 1])
_CITIES = st.sampled_from([None, "Oslo", "Rome"])


def _row(name: str, **attributes: object) -> SnapshotRow:
    return row(1, {"email": f"{name}@example.com", **({"attributes": attributes} if attributes else {})})


def _identity(name: str) -> str:
    return f"email:{name}@example.com"


def _member(at: int, city: str | None) -> Member:
    return Member(at, digests(_row("x", city=city).fragment))


@given(
    st.dictionaries(_NAMES, st.tuples(_TIMES, _CITIES)),
    st.dictionaries(_NAMES, _CITIES),
    st.dictionaries(_NAMES, _TIMES),
    st.sets(_NAMES),
)
def test_each_person_ends_as_the_newer_of_snapshot_and_single_change_says(
    members: dict[str, tuple[int, str | None]], named: dict[str, str | None], gone: dict[str, int], also: set[str]
) -> None:
    bucket = Bucket(
        {_identity(name): _member(*known) for name, known in members.items()},
        {gone_key(_identity(name)): at for name, at in gone.items() if name not in members},
    )
    rows = {_identity(name): _row(name, city=city) for name, city in named.items()}
    found = diff(bucket, rows, AT, {_identity(name) for name in also})
    newer = {name for name in members if members[name][0] > AT} | {
        name for name in gone if name not in members and gone[name] > AT and name in named
    }
    joining = {name for name in named if name not in members} - newer
    leaving = {name for name in members if name not in named} - newer - also
    staying = members.keys() - leaving - newer
    changing = {name for name in staying & named.keys() if members[name][1] != named[name]}
    wanted = {("add", name) for name in joining} | {("remove", name) for name in leaving}
    wanted |= {("update", name) for name in changing}
    assert {(change.action, change.identity[6]) for change in found.planned} == wanted
    assert len(found.planned) == len(wanted)
    unchanged = (staying & named.keys()) - changing
    assert (found.unchanged, found.newer, found.held) == (len(unchanged), len(newer), len(members))
    assert {identity[6] for identity in found.linked} == staying - named.keys()


def test_the_changes_carry_what_is_sent() -> None:
    bucket = Bucket({_identity("a"): _member(0, "Oslo"), _identity("b"): _member(0, "Oslo")})
    rows = {_identity("a"): _row("a", city="Rome", plan=None), _identity("c"): _row("c", city="Rome")}
    changed, joined, left = diff(bucket, rows, AT).planned
    assert joined == PlannedChange("add", _identity("c"), rows[_identity("c")].keys, rows[_identity("c")].fragment)
    assert (changed.action, changed.keys) == ("update", rows[_identity("a")].keys)
    assert msgspec.json.decode(changed.fragment) == {
        "email": "a@example.com",
        "attributes": {"city": "Rome", "plan": None},
    }
    assert left == PlannedChange("remove", _identity("b"), *of_member(_identity("b")))


@pytest.mark.parametrize(
    ("attributes", "sent"),
    [
        ({"city": None, "plan": None, "first_name": "Ann"}, {"plan": None, "first_name": "Ann"}),
        ({"city": None, "first_name": None}, None),
        ({"note": ":null", "city": "Oslo"}, {"note": ":null", "city": "Oslo"}),
    ],
)
def test_whoever_joins_has_properties_cleared_and_standard_fields_left_alone(
    attributes: dict[str, object], sent: dict[str, object] | None
) -> None:
    (joined,) = diff(Bucket(), {_identity("a"): _row("a", **attributes)}, AT).planned
    assert msgspec.json.decode(joined.fragment).get("attributes") == sent


def test_a_null_clears_what_a_member_had_of_any_field() -> None:
    bucket = Bucket({_identity("a"): _member(0, "Oslo")})
    (changed,) = diff(bucket, {_identity("a"): _row("a", city=None)}, AT).planned
    assert msgspec.json.decode(changed.fragment)["attributes"] == {"city": None}
