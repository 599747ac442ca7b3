"""The rules, each on both sides of its boundary."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from alerts.facts import Facts, RecentOutcomes, settlement
from alerts.rules import judged
from configuration.alerts import Limits
from klaviyo.revision import RETIRED
from queues.alerts import Alert
from queues.counts import QueueCount
from queues.history.hours import Hour
from queues.holds import Hold
from queues.policy import FlushPolicy, Waiting
from queues.server.rollback import Rollback
from queues.snapshots.comparisons import Differing
from tests.support.alerts import NOW, facts
from tests.support.ops import LAPSED, VIPS, counted

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
END = int(datetime.fromisoformat(f"{RETIRED}T00:00:00+00:00").replace(tzinfo=UTC).timestamp() * 1000)


def ids(found: list[Alert]) -> list[str]:
    return [alert.id for alert in found]


def waiting(oldest: int, age_minutes: int = 60) -> QueueCount:
    return counted(waiting=Waiting(1, NOW - oldest), policy=FlushPolicy(100, age_minutes * MINUTE))


def fallen(fall: Rollback) -> Facts:
    found = facts()
    return replace(found, census=replace(found.census, fall=fall))


TABLE: dict[str, tuple[Facts, list[str]]] = {
    "nothing is wrong": (facts(counted()), []),
    "a hundred letters are kept": (facts(counted(kept=100)), []),
    "one more": (facts(counted(kept=101)), ["dead_letters/default/audience/42"]),
    "five of a hundred died": (facts(counted(kept=5), settlements={VIPS: RecentOutcomes(100, 5)}), []),
    "six did": (
        facts(counted(kept=6), settlements={VIPS: RecentOutcomes(100, 6)}),
        ["dead_percent/default/audience/42"],
    ),
    "six of too few did": (facts(counted(kept=6), settlements={VIPS: RecentOutcomes(99, 6)}), []),
    "the oldest waits as long as it may": (facts(waiting(90 * MINUTE)), []),
    "a little longer": (facts(waiting(90 * MINUTE + 1)), ["oldest_over/default/audience/42"]),
    "a longer age allows it": (facts(waiting(90 * MINUTE + 1, 61)), []),
    "a scheduler ticked two minutes ago": (facts(scheduler=NOW - 2 * MINUTE), []),
    "a little earlier": (facts(scheduler=NOW - 2 * MINUTE - 1), ["scheduler_silent"]),
    "a worker listened five minutes ago": (facts(worker=NOW - 5 * MINUTE), []),
    "a little earlier than that": (facts(worker=NOW - 5 * MINUTE - 1), ["no_worker"]),
    "four fifths of the memory are used": (facts(memory_used=80), []),
    "a byte more": (facts(memory_used=81), ["redis_memory"]),
    "the memory has no limit": (facts(memory_used=81, memory_most=0), []),
    "91 days before the revision's end": (facts(at=END - 90 * DAY - 1), []),
    "90 days before it": (facts(at=END - 90 * DAY), ["revision"]),
    "the ledger went back": (fallen(Rollback(NOW, NOW - 9, NOW - 5, 3)), ["ledger_rolled_back"]),
    "the ledger was emptied": (fallen(Rollback(NOW, 0, NOW, 0)), ["ledger_rolled_back"]),
    "a connection is held": (facts(holds={"default": Hold("forbidden", 7)}), ["holds/default/7"]),
    "a list differs": (facts(differing={VIPS: Differing(NOW, 1, 2)}), ["lists/default/audience/42"]),
    "a queue is held": (facts(counted(hold=Hold("list_gone", 8))), ["holds/default/audience/42/8"]),
}


@pytest.mark.parametrize("case", TABLE)
def test_each_rule_on_both_sides_of_its_boundary(case: str) -> None:
    seen, expected = TABLE[case]
    assert ids(judged(seen, Limits())) == expected


def test_the_limits_are_those_of_the_settings() -> None:
    strict = Limits(0, 0, 1, False, 1, 1, 10, 1_000)
    seen = facts(
        counted(kept=1, waiting=Waiting(1, NOW - 61 * MINUTE - 1), policy=FlushPolicy(100, 60 * MINUTE)),
        settlements={VIPS: RecentOutcomes(100, 1)},
        holds={"default": Hold("forbidden", 7)},
        scheduler=NOW - MINUTE - 1,
        worker=NOW - MINUTE - 1,
        memory_used=11,
    )
    assert {alert.rule for alert in judged(seen, strict)} == {
        "dead_letters",
        "dead_percent",
        "oldest_over_minutes",
        "scheduler_silent_minutes",
        "no_worker_minutes",
        "redis_memory_percent",
        "revision_days",
    }


def test_each_queue_is_judged_by_itself() -> None:
    found = judged(facts(counted(kept=101), counted(LAPSED, "Lapsed", kept=7_000)), Limits())
    assert [(alert.on, alert.text) for alert in found] == [
        ("default/audience/42", "default/audience/42 (VIPs) keeps 101 dead letters, more than 100"),
        ("brand-b/audience/43", "brand-b/audience/43 (Lapsed) keeps 7,000 dead letters, more than 100"),
    ]
    assert found[0].remedy.startswith("`ferry dead list --queue default/audience/42` shows the reasons")


def test_a_hold_that_follows_another_is_another_alert() -> None:
    (first,), (second,) = (judged(facts(holds={"default": Hold("forbidden", at)}), Limits()) for at in (1, 2))
    assert first.id != second.id


def test_an_alert_names_nobody_whatever_people_write() -> None:
    hold = Hold("ann@example.com called\nfrom +47 912 34 567", 1)
    (found,) = judged(facts(counted(name="VIPs\nof  Oslo", hold=hold)), Limits())
    assert found.text == "default/audience/42 (VIPs of Oslo) is held: *** called from ***"
    assert found.remedy.startswith("Find out who placed the hold, and why. `ferry holds` shows the details")


def test_the_command_that_ends_a_hold_can_be_typed_whatever_number_its_audience_has() -> None:
    hold = Hold("removes_many", 1, "If this is intended, `ferry release default/snapshot/12345678` carries it out.")
    (found,) = judged(facts(counted(hold=hold)), Limits())
    assert found.remedy.startswith(hold.resolve)


def test_what_deliveries_made_of_changes_is_summed_up_over_the_hours() -> None:
    assert settlement([Hour(0, 10, 1), Hour(HOUR, 0, 0), Hour(2 * HOUR, 5, 2)]) == RecentOutcomes(18, 3)


def test_that_the_ledger_went_back_need_not_be_an_alert() -> None:
    assert judged(fallen(Rollback(NOW, NOW - 9, NOW - 5, 3)), Limits(ledger_rolled_back=False)) == []


def test_the_alert_says_from_when_to_when_something_is_missing() -> None:
    (alert,) = judged(fallen(Rollback(NOW, NOW - 60_000, NOW - 1_000, 3)), Limits())
    assert alert.text == (
        "The ledger went back in time: it is in its state of 2026-09-21T14:12:20.000Z. Everything accepted or "
        "delivered between then and 2026-09-21T14:13:19.000Z is missing; noticed at 2026-09-21T14:13:20.000Z"
    )
