"""No message makes the intake work or hold out of proportion to its size, before a limit stops it."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import falcon
import pytest

from intake.changes import routes
from intake.http import limits
from intake.http.faults import TooMuch
from tests.support.segment import message, read

_MB = 1024**2


def peak(act: Callable[[], object], raised: type[Exception]) -> int:
    """Bytes that it held at most until it was refused."""
    tracemalloc.start()
    try:
        with pytest.raises(raised):
            act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_events_of_an_order_are_made_one_after_the_other() -> None:
    properties: dict[str, Any] = {f"property-{number}": "x" * 90 for number in range(900)}
    order = message("track", event="Order Completed", properties=properties | {"products": [{}] * 4_000})
    # Each event is 100 KB when it is stored, and was twice as much before; all of them would be 800 MB.
    assert peak(lambda: read(order), TooMuch) < 2 * limits.STORED + 10 * _MB


@pytest.mark.parametrize("name", ["context", "integrations"])
def test_what_holds_for_all_messages_of_a_batch_is_no_larger_than_a_message(name: str) -> None:
    fits = {"traits": {"note": "x" * (limits.SHARED - 24)}}
    assert len(json.dumps(fits)) == limits.SHARED
    assert read({"batch": [message()], name: fits}).accepted == 1
    fits["traits"]["note"] += "x"
    with pytest.raises(falcon.HTTPBadRequest) as fault:
        read({"batch": [message()], name: fits})
    assert str(fault.value.description).startswith(f"$.{name}: over 32,768 bytes; give each message only the part")


def test_a_message_alone_may_have_a_large_context() -> None:
    assert read(message(context={"note": "x" * limits.SHARED})).accepted == 1


def test_lines_are_found_to_be_too_many_before_they_take_memory() -> None:
    body = b"12\n" * _MB
    assert peak(lambda: routes._lines(body), TooMuch) < len(body)
    assert routes._lines(b"\n 1 \n\r\n2") == [("line 2", b" 1 \n"), ("line 4", b"2")]


def test_changes_are_found_to_be_too_many_before_they_are_given_places() -> None:
    body = b'{"changes":[%s1]}' % (b"1," * (limits.VALUES - 10))
    # What the parser itself takes for each element, and no more.
    assert peak(lambda: routes._document(body, None), falcon.HTTPContentTooLarge) < 40 * _MB
