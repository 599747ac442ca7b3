"""Segment's own Klaviyo destination, as published, carries out the same cases: where it differs is written down.

`segment_cases.json` says what Ferry does, and test_segment_end_to_end.py that it does. `segment_differences.json` says
what Segment's code does in the cases whose `differs` names a row of docs/segment.md. In all others it does the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mappings.segment.templates import TEMPLATES
from tests.support.paths import ROOT
from tests.support.segment_cases import CASES
from tests.support.segment_destination import Destination, comparable, places, segment_destination
from tests.support.segment_effects import as_shown

DIFFERENCES: dict[str, Any] = json.loads((ROOT / "tests" / "contract" / "segment_differences.json").read_text())


@pytest.fixture(scope="module")
def segment() -> Iterator[Destination]:
    with segment_destination() as found:
        yield found


def of_ferry(case: dict[str, Any]) -> dict[str, Any]:
    return comparable(as_shown(case["effect"]))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_segment_does_the_same_or_what_is_written_down(segment: Destination, case: dict[str, Any]) -> None:
    assert segment.effect_of(case) == DIFFERENCES.get(case["name"], of_ferry(case))


def test_what_is_written_down_are_the_differences_that_the_cases_name() -> None:
    assert DIFFERENCES.keys() == {case["name"] for case in CASES if "differs" in case}
    assert [case["name"] for case in CASES if DIFFERENCES.get(case["name"]) == of_ferry(case)] == []


def test_the_page_counts_the_cases() -> None:
    assert f"[{len(CASES)} cases](../tests/contract/segment_cases.json)" in (ROOT / "docs" / "segment.md").read_text()


def test_wherever_segments_defaults_look_those_of_ferry_look_too(segment: Destination) -> None:
    missed = {
        (action, field): places(raw) - places(TEMPLATES[action].fields[field])  # type: ignore[index]  # a known name
        for action, fields in segment.defaults().items()
        for field, raw in fields.items()
        # Ferry takes the list that Engage names without a default: `Lists and Engage audiences` of docs/segment.md.
        if field != "list_id"
    }
    assert len(missed) > 30
    assert {place: paths for place, paths in missed.items() if paths} == {}
