from __future__ import annotations

import io
from dataclasses import replace

import msgspec
import pytest
from rich.console import Console

from commands.status_view import view
from ops.documents.ledger import CensusDocument
from ops.status_rows import RowChoice
from queues.census import Census
from queues.counts import OpenBatch
from queues.holds import Hold
from queues.names import Queue
from queues.policy import FlushPolicy, Waiting
from tests.support.ops import LAPSED, VIPS, counted

NOW = 1_767_225_600_123
HOLD = Hold("unauthenticated", NOW - 60_001, "Give it a key.", "e-1", probed=True)
BATCH = OpenBatch("07-ab", NOW - 12_007, 100, "size", "confirm", 2, held=True, ring=NOW + 78_009, trouble="http_503")
FULL = counted(
    waiting=Waiting(50, NOW - 180_001, NOW - 180_003),
    accepted=270,
    open=100,
    delivered=100,
    dead=5,
    superseded=15,
    kept=3,
    taken=220,
    upto=220,
    evicted=1,
    list_id="LiSt01",
    batches=(BATCH,),
    left_out={"phone_invalid": 7},
    landed=NOW - 170_002,
)
CENSUSES = {
    "nothing": Census(NOW, (), {}, None, {}),
    "much": Census(
        NOW, (FULL, counted(LAPSED, "", hold=HOLD)), {"brand-b": HOLD}, NOW - 1_001, {"a": "idle", "b": "busy"}
    ),
    "asked for by an operator": Census(
        NOW, (counted(waiting=Waiting(50, NOW - 1, None, 30), accepted=70, taken=20, upto=50),), {}, NOW, {}
    ),
    "asked for by age": Census(
        NOW, (counted(waiting=Waiting(50, NOW - 1, None, 30, "age"), taken=20, upto=50),), {}, NOW, {}
    ),
    "full": Census(NOW, (counted(policy=FlushPolicy(7, 90_001), waiting=Waiting(7, NOW - 5)),), {}, NOW, {}),
    "clocks that are off": Census(NOW, (), {}, NOW, {"a": "idle"}, clocks={"box-1": 150_000, "box-2": -7_000}),
    "held connections that are checked soon": Census(NOW, (), {"brand-b": HOLD}, NOW, {}, next_check=NOW + 90_007),
    "a target with a slash": Census(NOW, (counted(Queue("default", "audience", "a/b %")),), {}, NOW, {}),
}


MUCH = msgspec.to_builtins(CensusDocument.of(CENSUSES["much"]))


def read(census: CensusDocument) -> Census:
    """As one that came over the wire."""
    return msgspec.json.decode(msgspec.json.encode(census), type=CensusDocument).read()


def printed(census: Census) -> str:
    out = io.StringIO()
    Console(file=out, width=120, markup=False, emoji=False).print(view(census, RowChoice()))
    return out.getvalue()


@pytest.mark.parametrize("census", CENSUSES.values(), ids=CENSUSES)
def test_a_census_that_is_read_from_its_json_is_the_same(census: Census) -> None:
    assert read(CensusDocument.of(census)) == census
    assert printed(read(CensusDocument.of(census))) == printed(census)


@pytest.mark.parametrize("census", CENSUSES.values(), ids=CENSUSES)
def test_of_a_census_with_some_queues_the_totals_are_those_of_all(census: Census) -> None:
    some = replace(census, queues=census.queues[:1], kept=census.totals)
    found = read(CensusDocument.of(some))
    assert (found.totals.groups, found.totals.all) == (census.totals.groups, census.totals.all)
    assert (found.kept is None) == (len(census.queues) < 2)


@pytest.mark.parametrize("told", [{}, MUCH | {"at": 1}, MUCH | {"queues": [{}]}])
def test_what_is_no_census_is_refused(told: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, CensusDocument)


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        msgspec.convert(MUCH | {"at": "yesterday"}, CensusDocument).read()


def test_the_queue_keeps_its_name() -> None:
    (vips, _) = read(CensusDocument.of(CENSUSES["much"])).queues
    assert (vips.queue, vips.name) == (VIPS, "VIPs")
