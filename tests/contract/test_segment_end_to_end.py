"""The cases of segment_cases.json once more, from the POST to Klaviyo: each is a connection of connections.toml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.segment_cases import CASES, messages
from tests.support.segment_effects import as_shown, effect, people, prepare
from tests.support.segment_world import SegmentWorld, segment_world


def toml(value: Any) -> str:
    """A value as TOML writes it; texts, numbers and booleans are those of JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def connections() -> str:
    """One for each case, with its action only."""
    setting = 'api_key_env = "KLAVIYO_API_KEY"\nallow_global_unsubscribe = true\nactions = '
    return "\n".join(
        f"[connections.case-{number}]\n{setting}{toml([case['action']])}" for number, case in enumerate(CASES)
    )


@pytest.fixture(scope="module")
def serving(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SegmentWorld]:
    with segment_world(redis_server, connections(), tmp_path_factory.mktemp("segment")) as world:
        yield world


@pytest.fixture
def world(serving: SegmentWorld) -> SegmentWorld:
    serving.empty()
    return serving


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case["name"] for case in CASES])
def test_what_is_posted_has_the_effect_of_the_case_at_klaviyo(world: SegmentWorld, number: int) -> None:
    case = CASES[number]
    prepare(world, case["effect"])
    before = people(world)
    world.send(*messages(case), connection=f"case-{number}")
    assert effect(world, before) == as_shown(case["effect"])
    assert world.look("traps") == []
