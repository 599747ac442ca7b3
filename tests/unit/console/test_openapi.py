"""The document of the whole installation: the intake's and the operator's operations, valid and true to the table."""

from __future__ import annotations

from openapi_spec_validator import validate

from console.api.openapi import document
from console.api.openapi_operations import OPERATIONS
from console.auth.roles import ROUTES
from intake.openapi.document import document as of_intake
from intake.openapi.page import page


def test_the_document_is_valid_openapi() -> None:
    validate(document())


def test_it_names_every_address_of_the_api_and_no_other() -> None:
    assert set(OPERATIONS) == {(path, method) for path, method in ROUTES if path.startswith("/v1/")}
    assert document()["paths"].keys() == of_intake()["paths"].keys() | {path for path, _ in OPERATIONS}


def test_no_operation_schema_or_answer_takes_the_place_of_one_of_the_intake() -> None:
    ids = [each["operationId"] for methods in document()["paths"].values() for each in methods.values()]
    assert len(ids) == len(set(ids))
    for part, named in of_intake()["components"].items():
        for name, value in named.items():
            assert document()["components"][part][name] == value, name
    assert not {path for path, _ in OPERATIONS} & of_intake()["paths"].keys()


def test_each_operation_says_whose_token_and_which_role_it_takes() -> None:
    for path, method in OPERATIONS:
        operation = document()["paths"][path][method.lower()]
        assert operation["security"] == [{"user": []}]
        assert operation["description"].endswith(f"Role: {ROUTES[path, method]}.")


def test_the_page_shows_the_operators_part() -> None:
    for words in ("/v1/dead/replay", "Role: operator.", "connection_hold", "personal_data", "ferry users add"):
        assert words in page(document())
