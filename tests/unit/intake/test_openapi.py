"""The OpenAPI document is valid and true to the app; the page is made of it and of nothing else."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from configuration.connections import Connection, Connections
from configuration.settings import Settings
from intake.app import create_app
from intake.http import limits
from intake.mparticle.messages import (
    TYPES,
    ErasureResponse,
    EventsResponse,
    MembershipResponse,
    Response,
    SubscriptionResponse,
)
from intake.mparticle.registration import registration
from intake.openapi.document import document
from intake.openapi.page import page


def schema(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", "components": document()["components"]}


def test_the_document_is_valid_openapi() -> None:
    validate(document())


def test_the_document_names_every_route_of_the_app_and_no_other() -> None:
    app = create_app(
        Settings(redis_url="redis://localhost", connections=Connections({"default": Connection("default")}))
    )
    for path in document()["paths"]:
        assert app._router.find(path.replace("{call}", "batch")) is not None, path
    described = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert described == {
        ("/v1/mparticle", "post"),
        ("/v1/segment", "post"),
        ("/v1/{call}", "post"),
        ("/v1/m", "post"),
        ("/v1/changes", "post"),
        ("/v1/audiences/{audience}/members", "put"),
        ("/v1/audiences/{audience}/syncs", "get"),
        ("/v1/audiences/{audience}/syncs/{snapshot}", "get"),
        ("/v1/audiences/{audience}/syncs/{snapshot}/rejected.csv", "get"),
        ("/v1/campaigns", "post"),
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/openapi.json", "get"),
        ("/docs", "get"),
    }


def test_the_document_names_every_call_of_the_tracking_api() -> None:
    call, connection = document()["paths"]["/v1/{call}"]["post"]["parameters"]
    assert call["schema"]["enum"] == ["batch", "import", "identify", "track", "group", "page", "screen", "alias"]
    assert (call["in"], call["required"], connection["name"]) == ("path", True, "connection")


def test_the_document_has_every_message_type_that_is_taken() -> None:
    schemas = document()["components"]["schemas"]
    posted = document()["paths"]["/v1/mparticle"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    names = [each["$ref"].rpartition("/")[2] for each in posted["oneOf"]]
    assert [schemas[name]["properties"]["type"]["enum"] for name in names] == [[kind] for kind in TYPES.split(", ")]


def test_the_limits_in_the_document_are_those_of_the_code() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["Changes"]["properties"]["changes"]["maxItems"] == limits.CHANGES
    assert "10 MB" in document()["info"]["description"]


@pytest.mark.parametrize(
    "answer",
    [
        registration(),
        MembershipResponse(suspend_subscription=False),
        SubscriptionResponse(),
        SubscriptionResponse(audience_subscription_settings={"klaviyoListId": "LiSt01"}),
        EventsResponse(),
        ErasureResponse(),
    ],
)
def test_what_is_answered_fits_its_schema(answer: Response) -> None:
    OAS31Validator(schema(type(answer).__name__)).validate(json.loads(msgspec.json.encode(answer)))


def test_only_five_addresses_and_the_registration_need_no_token() -> None:
    free = set()
    for path, methods in document()["paths"].items():
        for operation in methods.values():
            if {} in operation.get("security", [{"token": []}]) or operation.get("security") == []:
                free.add(path)
    assert free == {"/healthz", "/readyz", "/openapi.json", "/docs", "/v1/mparticle", "/v1/m"}


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        for name, value in attrs:
            assert name not in ("src", "srcset", "onload"), "the page takes nothing from elsewhere"
            if name == "id":
                self.ids.add(str(value))
            if name == "href":
                self.links.add(str(value))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_its_links_stay_within_it() -> None:
    reader = Reader()
    reader.feed(page(document()))
    assert reader.open == []
    assert {link.removeprefix("#") for link in reader.links} <= reader.ids
    assert reader.ids == set(document()["components"]["schemas"])


def test_the_page_shows_every_field_and_status() -> None:
    text = re.sub(r"<[^>]+>", " ", page(document()))
    for word in (
        "user_profiles",
        "audience_subscription_settings",
        "Idempotency-Key",
        "503",
        "suspend_subscription",
        "415",
    ):
        assert word in text


def test_the_page_escapes_what_the_document_says() -> None:
    doc = document()
    doc["info"] = doc["info"] | {"title": "<script>alert(1)</script>"}
    assert "<script>" not in page(doc)
