"""Requests that schemathesis makes for one operation of an OpenAPI document, when the test of the operation runs.

`schema.parametrize` makes them when tests are collected: in each process that runs any test, and anew for each role.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import schemathesis
from schemathesis.checks import load_all_checks
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.python._constants.orchestrator import make_constants_value_source

Case = schemathesis.Case[Any]


def labels(document: dict[str, Any]) -> list[str]:
    """The operations of a document, as schemathesis names them: `POST /v1/changes`."""
    return [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]


def check(schema: Any, label: str, each: Callable[[Case], None]) -> None:
    """Call `each` with every case of an operation."""

    def is_kept_to(case: Case) -> None:
        each(case)

    load_all_checks()
    method, path = label.split(" ")
    build_operation_test(
        config=schema.config,
        operation=schema[path][method],
        test_func=is_kept_to,
        given_kwargs={},
        feedback=FeedbackSources(constants_value_source=make_constants_value_source(schema)),
    )()
