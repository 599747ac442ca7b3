"""Klaviyo's base URL, to which every request carries the key."""

from __future__ import annotations

import pytest
from marshmallow import ValidationError

from configuration import checks


@pytest.mark.parametrize(
    "url",
    ["https://a.klaviyo.com", "https://a.klaviyo.com/", "http://127.0.0.1:9/", "http://localhost:9", "http://[::1]:9"],
)
def test_a_safe_base_url_is_taken(url: str) -> None:
    checks.base_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.klaviyo.com",
        "http://10.0.0.1",
        "http://localhost.example",
        "ftp://localhost",
        "a.klaviyo.com",
        "",
        "https://",
        "https://a.klaviyo.com/api",
        "https://a.klaviyo.com?x=1",
        "https://u:p@a.klaviyo.com",
        "https://a.klaviyo.com#x",
    ],
)
def test_a_base_url_that_would_give_the_key_away_or_go_astray_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="it must be"):
        checks.base_url(url)
