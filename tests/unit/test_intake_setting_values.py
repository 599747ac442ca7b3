"""Settings of mParticle are texts, whatever they stand for."""

from __future__ import annotations

import pytest
from msgspec import Raw

from intake import setting_values


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
