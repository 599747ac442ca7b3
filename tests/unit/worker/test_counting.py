"""Reasons under which deliveries are counted: every one that Ferry itself gives."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.support.paths import ROOT
from worker.delivery import OF_DELIVERY

#: What is called to make a dead letter of a change; a reason is one of the arguments, or behind an `or` in one.
_CALLED = {"reject", "reject_all", "reject_rest", "refuse", "give_up", "Rejection", "Dead", "Split"}
_CODE = re.compile(r"[a-z]+(_[a-z]+)+")


def given() -> set[str]:
    files = (*(ROOT / "worker").rglob("*.py"), ROOT / "klaviyo" / "responses.py")
    calls = (node for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))
    return {code for call in calls if _name(call.func) in _CALLED for code in _codes(call)}


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _codes(call: ast.Call) -> Iterator[str]:
    for argument in call.args:
        for part in argument.values if isinstance(argument, ast.BoolOp) else [argument]:
            if isinstance(part, ast.Constant) and _CODE.fullmatch(str(part.value)):
                yield str(part.value)


def test_every_reason_that_a_delivery_gives_is_counted_as_itself() -> None:
    found = given()
    assert {"gave_up", "crashed_worker", "identity_clash", "import_failed", "too_large", "bad_request"} <= found
    assert found <= OF_DELIVERY, found - OF_DELIVERY
