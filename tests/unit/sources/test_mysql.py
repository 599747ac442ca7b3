"""What is special about MySQL's drivers, without a server."""

from __future__ import annotations

from types import SimpleNamespace

from sources import mysql


def failed(result: object) -> object:
    """The context of an error in a statement whose cursor has this result."""
    return SimpleNamespace(execution_context=SimpleNamespace(cursor=SimpleNamespace(_result=result)))


def test_the_rest_of_the_rows_is_not_read_after_an_error() -> None:
    rows = SimpleNamespace(unbuffered_active=True)
    mysql.forget_rows(failed(rows))
    assert not rows.unbuffered_active


def test_an_error_of_another_driver_stays_what_it_is() -> None:
    for result in (None, object()):
        mysql.forget_rows(failed(result))
    mysql.forget_rows(SimpleNamespace(execution_context=None))
