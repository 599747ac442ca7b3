from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from typing import Any

import msgspec
from rich.console import Console

from commands.status_view import view
from ops.documents.ledger import CensusDocument
from ops.status_rows import RowChoice
from queues.census import Census
from queues.counts import OpenBatch
from queues.holds import Hold
from queues.names import UNREADABLE, Queue
from queues.policy import Waiting
from tests.support.ops import LAPSED, counted

NOW = 1_767_225_600_000
MINUTE = 60_000

VIP = counted(
    name="VIP [gold] :smile:",
    waiting=Waiting(50, NOW - 3 * MINUTE, NOW - 3 * MINUTE),
    accepted=270,
    open=100,
    delivered=100,
    dead=5,
    superseded=15,
    kept=3,
    batches=(OpenBatch("07-ab", NOW - 12_000, 100, "size", "confirm", 2, held=True, ring=NOW + 78_000),),
    left_out={"phone_invalid": 7},
    landed=NOW - 3 * MINUTE,
)
FULL = Census(NOW, (VIP, counted(LAPSED, "")), {}, NOW - 1000, {"a": "idle", "b": "busy", "c": "idle"})


def printed(census: Census, width: int = 80, **chosen: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=width, markup=False, emoji=False).print(view(census, RowChoice(**chosen)), crop=False)
    return out.getvalue()


def lines_of(text: str, queue: str) -> tuple[str, str]:
    """The line with the figures of a queue, and the one below it, which begins with its id."""
    lines = text.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.split()[:1] == [queue])
    return lines[number - 1], lines[number]


def test_a_queue_is_told_in_one_glance() -> None:
    first, second = lines_of(printed(FULL, 120), "default/audience/42")
    assert first.split("  ")[0] == "VIP [gold] :smile:", "brackets and colons are not interpreted"
    assert re.split(r"  +", first.strip())[1:] == ["50/100", "in 15\u00a0h\u00a057\u00a0min", "100", "100", "3"]
    for words in (
        "oldest 3\u00a0min, by age",
        "confirm 12\u00a0s, attempt 3",
        "+15 superseded",
        "+2 purged",
        "last upload 3\u00a0min ago",
    ):
        assert words in printed(FULL, 240), second


def test_it_fits_into_eighty_columns() -> None:
    assert max(len(line.rstrip()) for line in printed(FULL).splitlines()) <= 80


def test_the_equation_is_shown_and_holds() -> None:
    assert "270 accepted = 50 pending + 100 open + 100 delivered + 5 dead + 15 superseded\n" in printed(FULL, 120)
    assert CensusDocument.of(FULL).balanced is True


def test_an_equation_that_does_not_hold_is_flagged_with_its_queue() -> None:
    wrong = replace(FULL, queues=(replace(VIP, accepted=271),))
    assert "DOES NOT ADD UP in default/audience/42" in printed(wrong, 200)
    assert CensusDocument.of(wrong).balanced is False
    assert CensusDocument.of(wrong).queues[0].missing == 1


def test_processes_are_counted_and_missing_ones_cried_out() -> None:
    assert "Scheduler: ticked 1\u00a0s ago. Workers: 1 busy, 2 idle." in printed(FULL)
    text = printed(replace(FULL, heartbeat=None, workers={}), 200)
    assert "! No scheduler ran within the last minute: no batches start.\n  Start `ferry scheduler`" in text
    assert "! No worker is running: nothing is delivered.\n  Start `ferry worker`" in text
    assert "The scheduler is late" in printed(replace(FULL, heartbeat=NOW - 20_000))


def test_holds_of_queue_and_connection_are_shown_with_what_to_do() -> None:
    on_queue = replace(VIP, hold=Hold("list_gone", NOW - MINUTE, "Restore the list."))
    held = {"brand-b": Hold("bad key", NOW, probed=True)}
    text = printed(replace(FULL, queues=(on_queue, FULL.queues[1]), holds=held, next_check=NOW + 2 * MINUTE), 200)
    assert (
        "! The Klaviyo list of VIP [gold] :smile: does not exist (list_gone) for 1\u00a0min: 150 changes wait.\n"
        in text
    )
    assert "  Restore the list. To release it: ferry release default/audience/42\n" in text
    assert "- brand-b is held (bad key) for 0\u00a0s: 0 changes wait.\n" in text
    ends = "Ends automatically when the cause is gone. Next check in 2\u00a0min."
    assert f"  {ends} To release it: ferry release brand-b\n" in text
    for queue, state in (("default/audience/42", "held"), ("brand-b/audience/43", "blocked")):
        assert f" {state} " in lines_of(text, queue)[0]


def test_what_fires_next_is_named() -> None:
    def lines(waiting: Waiting, **other: Any) -> str:
        census = replace(FULL, queues=(replace(VIP, waiting=waiting, **other),))
        return " ".join(lines_of(printed(census, 240), "default/audience/42"))

    assert "by size" in lines(Waiting(100, NOW))
    assert "by operator" in lines(Waiting(5, NOW, None, 5, "operator"))
    assert "by age when open batches allow" in lines(Waiting(5, NOW - 961 * MINUTE))
    alone = lines(Waiting(5, NOW - 961 * MINUTE), batches=())
    assert " now " in alone
    assert "allow" not in alone


def test_fields_left_out_are_counted() -> None:
    assert "Warnings (people): phone_invalid 7." in printed(FULL)


def test_a_queue_that_is_no_audience_is_called_by_its_kind() -> None:
    queue = counted(Queue("default", "consent", "consents"), "")
    census = Census(NOW, (queue,), {}, NOW - 1000, {})
    first, _ = lines_of(printed(census, 120), "default/consent/consents")
    assert first.split()[0] == "(consent)"
    assert CensusDocument.of(census).queues[0].kind == "consent"


def test_the_queue_of_what_could_not_be_read_is_called_so() -> None:
    queue = counted(Queue("default", "audience", UNREADABLE), "")
    assert "(unreadable)" in printed(Census(NOW, (queue,), {}, NOW - 1000, {}))


def test_an_empty_ledger_says_so() -> None:
    assert "No queues yet" in printed(Census(NOW, (), {}, NOW, {"a": "idle"}))


def test_the_json_has_iso_times_and_can_be_encoded() -> None:
    told = json.loads(msgspec.json.encode(CensusDocument.of(FULL)))
    queue = told["queues"][0]
    assert told["scheduler"] == {"alive": True, "last_tick_at": "2025-12-31T23:59:59.000Z"}
    assert (queue["due_by"], queue["due_at"]) == ("age", "2026-01-01T15:57:00.000Z")
    assert queue["batches"][0]["stage"] == "confirm"
    assert queue["dead_kept"] == 3
    assert told["queues"][1]["due_at"] is None
