"""What platforms read of the repository: it must name commands there are, and nothing of this machine."""

from __future__ import annotations

import json
import re

from klaviyo.endpoints import ENDPOINTS
from ops.checks.klaviyo_keys import READING, WRITING
from tests.support.paths import ROOT


def test_every_scope_that_a_key_may_need_is_named_where_a_key_is_asked_for() -> None:
    def scopes(text: str) -> set[str]:
        return set(re.findall(r"[a-z-]+:(?:read|write)", text))

    told = scopes(f"{READING} {WRITING}")
    assert {endpoint.scope for endpoint in ENDPOINTS if endpoint.scope} <= told
    (row,) = (line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `KLAVIYO_API_KEY`"))
    assert scopes(row) == told
    assert scopes(json.loads((ROOT / "app.json").read_text())["env"]["KLAVIYO_API_KEY"]["description"]) == told
