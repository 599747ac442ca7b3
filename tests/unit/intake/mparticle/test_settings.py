"""Settings of mParticle are texts, whatever they stand for."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from msgspec import Raw

from intake.mparticle import settings as setting_values
from intake.mparticle.settings import API_KEY
from mappings.account_settings import rules_from_mparticle
from mappings.rules import Rules


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    setting_values.tell.cache_clear()
    yield
    setting_values.tell.cache_clear()


@pytest.mark.parametrize(
    ("posted", "read"),
    [
        (b"", {}),
        (b"null", {}),
        (b"{}", {}),
        (b'{"a":"x","b":""}', {"a": "x", "b": ""}),
        (b'{"a":true,"b":12,"c":1.50,"d":"\\u00e9"}', {"a": "true", "b": "12", "c": "1.50", "d": "\u00e9"}),
        (b'{"a":null,"b":["x"],"c":{"d":"x"},"e":"kept"}', {"e": "kept"}),
        (b'["x"]', {}),
        (b'"x"', {}),
    ],
)
def test_a_setting_becomes_text_or_is_left_out(posted: bytes, read: dict[str, str]) -> None:
    assert setting_values.read(Raw(posted)) == read


def test_a_klaviyo_key_in_a_setting_that_is_not_for_it_is_not_read() -> None:
    posted = Raw(b'{"apiKey":"pk_canary","listName":" pk_canary","phoneIdentifier":"Mobile Number"}')
    assert setting_values.read(posted, API_KEY) == {
        "apiKey": "pk_canary",
        "listName": setting_values.NOT_KEPT,
        "phoneIdentifier": "Mobile Number",
    }
    assert setting_values.read(posted)["apiKey"] == setting_values.NOT_KEPT
    assert setting_values.read(Raw(b'{"listName":"pk_canary","odd":1}')) == {
        "listName": setting_values.NOT_KEPT,
        "odd": "1",
    }


def test_a_key_in_the_wrong_setting_is_told_once_by_the_settings_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            setting_values.read(Raw(b'{"alternateIdentifier":"pk_canary","listName":"pk_canary"}'), API_KEY)
            setting_values.read(Raw(b'{"ann@example.com":"pk_canary"}'))
    assert [record.getMessage().partition(" holds")[0] for record in caplog.records if " holds" in record.msg] == [
        "the setting alternateIdentifier",
        "the setting listName",
        "an unknown setting",
    ]
    assert "canary" not in caplog.text
    assert "ann@" not in caplog.text


@pytest.mark.parametrize("name", ["alternateIdentifier", "phoneIdentifier", "defaultCountry", "propertyMapping"])
def test_what_is_read_instead_of_a_key_is_refused_by_every_rule_of_mapping(name: str) -> None:
    settings = setting_values.read(Raw(b'{"%s":"pk_canary"}' % name.encode()))
    with pytest.raises(ValueError, match=name):
        rules_from_mparticle(settings, settings, Rules())
