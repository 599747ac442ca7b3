"""connections.toml: what it may say, and what a mistake in it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from configuration.connections import AudienceSettings, UnknownConnection
from configuration.connections_file import load
from configuration.tables import ConnectionsError
from mappings.rules import Rules
from queues.policy import FlushPolicy
from tests.support.connections import DEFAULT, read


def test_a_connection_has_its_own_key_rules_policy_and_audiences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAND_B_KEY", "pk_brand_b")
    connection = read(
        tmp_path,
        """
        [connections.brand-b]
        api_key_env = "BRAND_B_KEY"
        mparticle_account = 123
        alternate_identifier = "Customer Id"
        phone_identifier = "Phone Number 2"
        default_country = "Germany"
        property_mapping = { company = "organization" }
        coerce = true
        flush_size = 500
        flush_minutes = 1.5

        [connections.brand-b.audiences."42"]
        list_name = "VIPs"
        upload_max = 250
        """,
    ).named("brand-b")
    assert connection.api_key == "pk_brand_b"
    assert connection.rules == Rules("customer", "phone_number_2", "DE", {"company": "organization"}, coerce=True)
    assert connection.policy == FlushPolicy(500, 90_000, 500)
    assert connection.audiences["42"] == AudienceSettings(None, "VIPs", FlushPolicy(500, 90_000, 250))
    assert connection.policy_for("audience", "42").upload_max == 250
    assert connection.policy_for("audience", "43") == connection.policy
    assert not connection.allow_global_unsubscribe


def test_each_kind_of_queue_has_its_own_policy(tmp_path: Path) -> None:
    connection = read(
        tmp_path,
        """
        [connections.default]
        flush_size = 500
        allow_global_unsubscribe = true
        event = { flush_minutes = 0.5 }
        consent = { flush_size = 20, upload_max = 1000 }

        [connections.default.audiences.events]
        flush_size = 7
        """,
    ).named("default")
    assert connection.policy_for("profile", "profiles") == connection.policy == FlushPolicy(500, upload_max=500)
    assert connection.policy_for("event", "events") == FlushPolicy(100, 30_000, 1_000)
    assert connection.policy_for("consent", "consents") == FlushPolicy(20, 60_000, 1_000)
    assert connection.policy_for("audience", "events").size == 7
    assert connection.allow_global_unsubscribe


def test_an_audience_may_share_its_list_where_its_connection_may_not(tmp_path: Path) -> None:
    text = '[connections.b.audiences."42"]\nshared_list = true\n[connections.b.audiences."43"]\nlist_name = "VIPs"\n'
    connection = read(tmp_path, text).named("b")
    assert [connection.may_share(audience) for audience in ("42", "43", "44")] == [True, False, False]
    shared = read(tmp_path, f"{text}[connections.b]\nshared_list = true\n").named("b")
    assert [shared.may_share(audience) for audience in ("42", "43", "44")] == [True, True, True]


def test_people_who_only_change_may_wait_for_another_time(tmp_path: Path) -> None:
    connection = read(tmp_path, "[connections.b]\nprofile = { flush_size = 5000, flush_minutes = 10 }").named("b")
    assert connection.policy_for("profile", "profiles") == FlushPolicy(5_000, 600_000, 5_000)
    assert connection.policy_for("audience", "42") == FlushPolicy()


def test_unsubscribes_and_events_wait_a_minute_at_most_whatever_the_audiences_wait(tmp_path: Path) -> None:
    connection = read(tmp_path, "[connections.b]\nflush_minutes = 960").named("b")
    assert {connection.policy_for(kind, kind).age_ms for kind in ("event", "consent")} == {60_000}


def test_an_mparticle_account_keeps_one_connection_of_its_own(tmp_path: Path) -> None:
    connections = read(tmp_path, "[connections.default]\ncoerce = true\n[connections.b]\nmparticle_account = 5\n")
    assert connections.for_mparticle(5).name == "b"
    other = connections.for_mparticle(6)
    assert (other.name, other.api_key, other.rules.coerce) == ("mparticle-6", "pk_default", True)
    assert connections.named("mparticle-6") == other
    assert connections.for_mparticle(None).name == "default"


def test_an_unknown_connection_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownConnection, match=r"'nope'; known: default"):
        load(None, DEFAULT).named("nope")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[connections.b", "is not TOML"),
        ("[connection.b]", "connection is unknown"),
        ("[connections.'Bad Name']", "a name has up to 40 lower-case"),
        ("[connections.mparticle-5]", "a name has up to 40 lower-case"),
        ("connections = 3", "connections is not a table; write each connection as [connections.<name>]"),
        ("connections = []", "connections is not a table"),
        ("[connections]\nb = 3", "[connections.b]: Invalid input type."),
        ("[connections.b]\nflush_sise = 3", "flush_sise: Unknown field; is flush_size meant?"),
        ("[connections.b]\nwhatever = 3", "whatever: Unknown field."),
        ("[connections.b.event]\nupload_maximum = 3", "event.upload_maximum: Unknown field; is upload_max meant?"),
        ("[connections.b.audiences.42]\nlist_nam = 'x'", "audiences.42.list_nam: Unknown field; is list_name meant?"),
        ("[connections.b]\nflush_size = 'x'", "flush_size: Not a valid integer"),
        ("[connections.b]\nupload_max = 10001", "upload_max: Must be"),
        ("[connections.b.event]\nupload_max = 1001", "event.upload_max: Must be"),
        ("[connections.b.consent]\nupload_max = 1001", "consent.upload_max: Must be"),
        ("[connections.b.consent]\nlist_id = 'x'", "consent.list_id: Unknown field"),
        ("[connections.b]\nalternate_identifier = 'Twitter'", "alternate_identifier: "),
        ("[connections.b]\ndefault_country = 'Atlantis'", "default_country: "),
        (
            "[connections.b]\nproperty_mapping = { a = 'nowhere' }",
            "property mapping, entry 1: the target is not one of",
        ),
        ("[connections.b]\napi_key_env = 'FERRY_TEST_UNSET'", "FERRY_TEST_UNSET, which is not set"),
        ("[connections.b.audiences.42]\nlist = 'x'", "audiences.42.list: Unknown field"),
        ("[connections.b.audiences.42]\nshared_list = 'x'", "audiences.42.shared_list: Not a valid boolean"),
        ("[connections.b.audiences.42]\nreconcile = 'hourly'", "audiences.42.reconcile: Must be one of: daily"),
        ("[connections.b.audiences.42]\nreconcile_repair = true", 'reconcile_repair: needs reconcile = "daily"'),
        ("[connections.a]\nmparticle_account = 5\n[connections.b]\nmparticle_account = 5", "is set in two"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConnectionsError) as error:
        read(tmp_path, text)
    assert says in str(error.value)
    assert "connections.toml" in str(error.value)
