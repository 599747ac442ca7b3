"""The schemas of the OpenAPI document are made of structs."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from intake.openapi.schemas import answers, maybe, ref, requests


class Inner(Struct):
    """What is within."""

    title: str


class Outer(Struct):
    """Broken into
    two lines.
    """

    inner: Annotated[Inner | None, Meta(description="The one within.")]
    number: int = 0
    perhaps: str | UnsetType = UNSET


class Short(Struct, omit_defaults=True):
    """Without what was left out."""

    id: str
    number: int = 0


class Posted(Struct):
    """With a part that is read later."""

    part: Annotated[Raw, Meta(extra_json_schema=maybe(ref("Within")))] = field(default_factory=Raw)
    parts: list[Annotated[Raw, Meta(extra_json_schema=ref("Within"))]] | None = None


def test_a_struct_is_named_as_the_document_says_also_where_another_one_has_it() -> None:
    found = requests(Around=Outer, Within=Inner)
    assert found.keys() == {"Around", "Within"}
    assert found["Around"]["properties"]["inner"] == {"description": "The one within."} | maybe(ref("Within"))


def test_a_struct_within_another_one_that_nobody_names_has_the_name_of_its_class() -> None:
    assert requests(Around=Outer).keys() == {"Around", "Inner"}


def test_the_description_is_the_docstring_on_one_line_and_no_title_repeats_the_name() -> None:
    found = requests(Around=Outer)
    assert found["Around"]["description"] == "Broken into two lines."
    assert "title" not in found["Around"]
    assert found["Inner"]["properties"].keys() == {"title"}


def test_an_answer_has_every_field_that_may_not_be_unset() -> None:
    assert requests(Around=Outer)["Around"]["required"] == ["inner"]
    told = answers(Around=Outer)["Around"]
    assert told["required"] == ["inner", "number"]
    assert "default" not in told["properties"]["number"]


def test_an_answer_that_leaves_defaults_out_has_only_what_has_none() -> None:
    assert answers(Short=Short)["Short"]["required"] == ["id"]


def test_a_part_that_is_read_later_leads_to_the_schema_that_it_names() -> None:
    properties = requests(Posted=Posted)["Posted"]["properties"]
    assert properties["part"] == maybe(ref("Within"))
    assert properties["parts"]["anyOf"][0] == {"type": "array", "items": ref("Within")}
