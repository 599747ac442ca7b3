"""Whom a refusal that names nothing is blamed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from klaviyo import holds
from klaviyo.endpoints import SUBSCRIBE
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Bisect, Dead, HoldNeeded, Outcome
from queues.batches import Batch
from queues.names import Queue
from worker.delivery import Delivery
from worker.sending import send

REVISION = holds.revision(SUBSCRIBE.name, "e-1")


def delivery() -> Delivery:
    batch = Batch("00-x", Queue("default", "consent", "consents"), 1, "size", 0, 0, 0, b"", list)
    return Delivery(cast(Any, None), batch, cast(Any, None), cast(Any, None))


def refuse(outcome: Outcome, culprit: int | None = None) -> Callable[[list[int]], None]:
    """Klaviyo refuses every portion, or only those with the culprit."""

    def ask(portion: list[int]) -> None:
        if culprit is None or culprit in portion:
            raise NotAccepted(SUBSCRIBE.name, outcome)

    return ask


def gone() -> None:
    raise NotAccepted("get_list", holds.list_gone("e-2"))


@pytest.mark.parametrize("outcome", [REVISION, Bisect("invalid", "", "", "e-1")])
def test_where_the_list_is_gone_neither_a_row_nor_the_connection_is_blamed(outcome: Outcome) -> None:
    to = delivery()
    with pytest.raises(NotAccepted) as refused:
        send(to, [[0, 1]], refuse(outcome), gone)
    assert isinstance(refused.value.outcome, HoldNeeded)
    assert refused.value.outcome.scope == "list"
    assert to.progress.rejected == {}


def test_where_the_list_is_there_a_hold_of_the_connection_stays_one() -> None:
    with pytest.raises(NotAccepted) as refused:
        send(delivery(), [[0, 1]], refuse(REVISION), lambda: None)
    assert refused.value.outcome is REVISION


@pytest.mark.parametrize("outcome", [Bisect("clash", "", "", "e-1"), Dead("clash", "", "e-1")])
def test_what_concerns_one_row_costs_no_other(outcome: Outcome) -> None:
    to = delivery()
    send(to, [[0, 1, 2], [3, 4]], refuse(outcome, culprit=2), lambda: None)
    assert {row: rejection.reason for row, rejection in to.progress.rejected.items()} == {2: "clash"}
