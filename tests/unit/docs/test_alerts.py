"""docs/alerts.md says what is so."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict
from typing import Any

import pytest

from alerts.news import News
from alerts.posting import SIGNATURE, TIMESTAMP, signature, webhook_document
from alerts.rules import judged
from configuration.alerts import Limits
from configuration.alerts_file import AlertsSchema
from queues.alerts import Raised
from tests.support.alerts import NOW, SECRET, facts
from tests.support.ops import counted
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "alerts.md").read_text()


def block(language: str) -> str:
    """The one block of code in that language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_page_has_every_option_and_the_default_of_every_rule() -> None:
    rules = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", PAGE, re.MULTILINE))
    assert {name: json.loads(default) for name, default in rules.items()} == asdict(Limits())
    channels = re.findall(r"^\| `(\w+)` \| [^`]", PAGE, re.MULTILINE)
    assert {*rules, *channels} == AlertsSchema().fields.keys()


def test_the_message_on_the_page_is_one_that_ferry_sends() -> None:
    (alert,) = judged(facts(counted(kept=101)), Limits())
    shown = json.loads(block("json"))
    sent = webhook_document(News(NOW, (Raised(alert, NOW),), "https://ferry.example.com"))
    times: dict[str, Any] = {"since": shown["alerts"][0]["since"]}
    assert {**sent, "at": shown["at"], "alerts": [{**sent["alerts"][0], **times}]} == shown
    assert f"\n{alert.text}.\n{alert.remedy}\n" in PAGE


@pytest.mark.parametrize(
    ("late", "added", "genuine"), [(0, b"", True), (0, b" ", False), (400, b"", False)], ids=["whole", "altered", "old"]
)
def test_the_verification_on_the_page_takes_what_ferry_signed_and_nothing_else(
    late: int, added: bytes, genuine: bool
) -> None:
    page: dict[str, Any] = {}
    exec(block("python"), page)  # noqa: S102 - it is the page that is tested
    body, timestamp = b'{"alerts": []}', str(int(time.time()) - late)
    headers = {TIMESTAMP: timestamp, SIGNATURE: signature(SECRET, timestamp, body)}
    assert page["is_genuine"](body + added, headers, SECRET) is genuine
