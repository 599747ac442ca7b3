"""What docs/senders.md shows to type works as it says."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from redis import Redis

from configuration import settings
from queues.connections.account_keys import learnt
from queues.connections.accounts import Cipher
from tests.support.intake import running
from tests.support.ops import ferry
from tests.support.paths import ROOT
from tests.support.posted import SECRET, membership
from tests.support.segment import message
from tests.support.tracking import LIBRARIES, PAGE, asks_first

_GUIDE: Final = (ROOT / "docs" / "senders.md").read_text()
_TOML: Final = "".join(re.findall(r"^```toml\n(.*?)^```", _GUIDE, re.DOTALL | re.MULTILINE))
_COMMANDS: Final = [line.partition("#")[0].split()[1:] for line in _GUIDE.splitlines() if line.startswith("ferry ")]
TOKENS: Final = {
    "BRAND_B_TOKEN": "the newest of brand b,the oldest of brand b",
    "MPARTICLE_TOKEN": "a token of mparticle's",
    "WEBSITE_WRITE_KEY": "a write key of the website",
}


def test_the_guide_can_be_followed(
    redis: Redis, redis_url: str, klaviyo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "connections.toml"
    file.write_text(f"[connections.brand-b]\n{_TOML}")
    env = {"REDIS_URL": redis_url, "FERRY_CONNECTIONS": str(file), "FERRY_SECRET_KEY": SECRET, **TOKENS}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with running(settings.load()) as intake:
        for token in TOKENS["BRAND_B_TOKEN"].split(","):
            changes = {"audience": {"id": "42"}, "changes": [{"action": "add", "email": "ann@example.com"}]}
            assert intake.post("/v1/changes?connection=brand-b", changes, token).status_code == 202
            assert intake.post("/v1/changes", changes, token).status_code == 403
        of_page = LIBRARIES["analytics.js"].posted(TOKENS["WEBSITE_WRITE_KEY"], message("identify"))
        assert asks_first(intake, of_page.path, PAGE).headers["Access-Control-Allow-Origin"] == PAGE
        assert of_page.send(intake).json()["accepted"] == 1
        for key in ("pk_first", "pk_second"):
            account = {"account_id": 123456, "account_settings": {"apiKey": key}}
            posted = membership("ann@example.com", account=account)
            assert intake.post("/v1/mparticle", posted, TOKENS["MPARTICLE_TOKEN"]).status_code == 202
    command = partial(ferry, redis_url, tmp_path, KLAVIYO_BASE_URL=klaviyo, **env)
    assert [" ".join(words) for words in _COMMANDS] == [
        "senders",
        "senders --json",
        "connections list",
        "connections undo-key mparticle-123456",
    ]
    for words in _COMMANDS:
        told = command(*words)
        assert told.exit_code == 0, (words, told.output)
    assert learnt(redis, "mparticle-123456", Cipher([SECRET])).refused
