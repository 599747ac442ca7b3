"""The cases of tests/contract/segment_cases.json: an action, messages, and what they cause at Klaviyo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_DATA = json.loads((Path(__file__).parents[1] / "contract" / "segment_cases.json").read_text())
CASES: list[dict[str, Any]] = _DATA["cases"]


def messages(case: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages as they are posted, each with an id of its own."""
    told = enumerate(case["messages"], 1)
    return [{**_DATA["base"], "messageId": f"msg-{number:04}", **message} for number, message in told]
