"""The actions of a connection in connections.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from configuration.tables import ConnectionsError
from mappings.segment.settings import DEFAULTS, of_preset
from tests.support.connections import DEFAULT, read

TRACK = "[[connections.b.actions]]\naction = 'track_event'\n"


def test_a_connection_without_actions_has_the_default_ones(tmp_path: Path) -> None:
    connections = read(tmp_path, "[connections.b]\ncoerce = true\n")
    assert DEFAULT.actions == connections.named("b").actions == DEFAULTS
    assert [action.name for action in DEFAULTS if action.kind == "event"] == ["track_event", "order_completed"]


def test_a_connection_has_the_actions_that_it_is_given_and_no_other(tmp_path: Path) -> None:
    connections = read(
        tmp_path,
        """
        [[connections.b.actions]]
        action = "track_event"
        trigger = 'type = "track" and event = "Signed Up"'
        fields = { profile = { email = "$.properties.mail" } }

        [[connections.b.actions]]
        action = "subscribe_profile"
        list_id = "AbCdEf"

        [connections.c]
        actions = []
        """,
    )
    first, second = connections.named("b").actions
    assert (first.name, second.name, second.list_id) == ("track_event", "subscribe_profile", "AbCdEf")
    assert first.trigger.fires({"type": "track", "event": "Signed Up"})
    assert not first.trigger.fires({"type": "track", "event": "Signed In"})
    assert connections.named("c").actions == ()
    assert connections.named("default").actions == DEFAULTS


def test_an_mparticle_account_of_its_own_has_the_actions_of_the_default_connection(tmp_path: Path) -> None:
    connections = read(tmp_path, '[[connections.default.actions]]\naction = "track_event"\n')
    assert [action.name for action in connections.named("mparticle-5").actions] == ["track_event"]


@pytest.mark.parametrize("preset", ["segment", "segment_journeys", "segment_warehouse", "rudderstack"])
def test_a_preset_chooses_the_actions_of_its_connection_only(tmp_path: Path, preset: str) -> None:
    connections = read(tmp_path, f'[connections.b]\npreset = "{preset}"\n')
    assert connections.named("b").actions == of_preset(preset)
    assert connections.named("default").actions == DEFAULTS


def test_actions_replace_those_of_the_preset_and_have_its_defaults(tmp_path: Path) -> None:
    text = '[connections.b]\npreset = "rudderstack"\nactions = [{action = "upsert_profile", list_id = "L1"}]\n'
    (action,) = read(tmp_path, text).named("b").actions
    assert (action.name, action.list_id, action.traits_as_properties) == ("upsert_profile", "L1", True)
    assert read(tmp_path, '[connections.b]\npreset = "rudderstack"\nactions = []\n').named("b").actions == ()


def test_the_preset_of_the_default_connection_counts_for_accounts_without_a_table(tmp_path: Path) -> None:
    connections = read(tmp_path, '[connections.default]\npreset = "rudderstack"\n')
    assert connections.named("mparticle-5").actions == connections.named("default").actions == of_preset("rudderstack")


@pytest.mark.parametrize("preset", ['"rudder"', '""', "3", '["segment"]'])
def test_an_unknown_preset_is_refused_and_the_known_ones_are_named(tmp_path: Path, preset: str) -> None:
    with pytest.raises(ConnectionsError) as error:
        read(tmp_path, f"[connections.b]\npreset = {preset}\n")
    assert "connections.toml: [connections.b]: preset: " in str(error.value)
    if preset.startswith('"'):
        assert "Must be one of: segment, segment_journeys, segment_warehouse, rudderstack" in str(error.value)


@pytest.mark.parametrize(
    ("actions", "says"),
    [
        ("actions = 'track_event'", "actions: Not a valid list"),
        ("actions = [5]", "action 1: "),
        ("[[connections.b.actions]]\naction = 'dance'", "action 1: action: Must be one of"),
        (
            f"{TRACK}{TRACK}trigger = 'type ='",
            "action 2 (track_event), trigger: ",
        ),
        (
            f"{TRACK}fields = {{ metric_name = '$.[' }}",
            "action 1 (track_event), fields.metric_name: ",
        ),
        ("[[connections.b.actions]]\naction = 'remove_profile'", "action 1 (remove_profile), list_id: missing"),
        (TRACK * 51, "51 actions; the limit is 50"),
    ],
)
def test_a_mistake_in_an_action_is_named_with_file_connection_and_number(
    tmp_path: Path, actions: str, says: str
) -> None:
    with pytest.raises(ConnectionsError) as error:
        read(tmp_path, actions if actions.startswith("[[") else f"[connections.b]\n{actions}")
    assert f"connections.toml: [connections.b]: {says}" in str(error.value)
