"""Pages of Klaviyo: all of them are read, and none from anywhere else."""

from __future__ import annotations

import json

import pytest
import responses
from responses import matchers

from klaviyo import calls
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import UNEXPECTED
from tests.support.answered import URL, client

MEMBERS = f"{URL}/api/lists/L1/profiles"
CANARY = "canary+x@example.com"


def look_up() -> list[str]:
    return [found.id for found in client().find_members("L1", "email", [CANARY])]


def page(ids: list[str], following: str | None) -> str:
    profiles = [{"type": "profile", "id": one, "attributes": {}} for one in ids]
    return json.dumps({"data": profiles, "links": {"next": following}})


def on_page(cursor: str | None) -> list[object]:
    return [matchers.query_param_matcher({"page[cursor]": cursor} if cursor else {}, strict_match=False)]


@responses.activate
def test_pages_are_followed_to_the_last() -> None:
    responses.get(MEMBERS, body=page(["P1"], f"{MEMBERS}/?page%5Bcursor%5D=b"))
    responses.get(MEMBERS, body=page(["P2", "P1"], f"{MEMBERS}?page[cursor]=c"), match=on_page("b"))
    responses.get(MEMBERS, body=page(["P3"], None), match=on_page("c"))
    assert look_up() == ["P1", "P2", "P3"]


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/api/lists/L1/profiles?page[cursor]=b",
        "http://a.klaviyo.com/api/lists/L1/profiles?page[cursor]=b",
        "https://a.klaviyo.com@elsewhere.example/api/lists/L1/profiles",
        f"{URL}/api/lists/L2/profiles?page[cursor]=b",
        "",
    ],
)
@responses.activate
def test_a_next_page_elsewhere_is_not_fetched(link: str) -> None:
    responses.get(MEMBERS, body=page(["P1"], link))
    with pytest.raises(NotAccepted) as refusal:
        look_up()
    assert refusal.value.outcome == UNEXPECTED
    assert len(responses.calls) == 1


@responses.activate
def test_pages_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MAX_PAGES", 5)
    responses.get(MEMBERS, body=page(["P1"], f"{MEMBERS}?page[cursor]=a"))
    with pytest.raises(NotAccepted) as refusal:
        look_up()
    assert refusal.value.outcome == UNEXPECTED
    assert len(responses.calls) == 5


@pytest.mark.parametrize(
    "body",
    [
        '{"data":{}}',
        '{"data":[{"type":"profile","attributes":{}}]}',
        '{"data":[{"id":7,"attributes":{}}]}',
        '{"data":[{"id":"P1"}]}',
        '{"data":[],"links":[]}',
    ],
)
@responses.activate
def test_a_document_of_another_shape_is_not_taken_for_an_answer(body: str) -> None:
    responses.get(MEMBERS, body=body)
    with pytest.raises(NotAccepted) as refusal:
        look_up()
    assert refusal.value.outcome == UNEXPECTED
    assert refusal.value.__context__ is None
