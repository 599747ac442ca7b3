"""What comes as a membership or a campaign over HTTP is on the lists in the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.hut import Hut
from tests.support.intake import TOKEN, Intake, known, running
from tests.support.recovery import recover

ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"


@pytest.fixture
def intake(redis_url: str) -> Iterator[Intake]:
    with running(known(redis_url)) as started:
        yield started


def carried_out(hut: Hut, intake: Intake, status: str) -> str:
    recover(hut.redis, hut.connections)
    return str(intake.get(status, TOKEN).json()["state"])


def test_a_list_is_what_was_put_last(hut: Hut, intake: Intake) -> None:
    for people in ((ANN, BOB), (BOB, CID)):
        body = "\n".join(("email", *people))
        path = "/v1/audiences/42/members?name=VIPs&confirm=1"
        status = intake.put(path, body, Content_Type="text/csv").json()["status"]
        assert carried_out(hut, intake, status) == "delivered"
        assert hut.klaviyo.members("VIPs") == {*people}


def test_the_groups_of_a_campaign_are_lists_and_the_next_campaign_brings_them_up_to_date(
    hut: Hut, intake: Intake
) -> None:
    for people in ((ANN,), (BOB, CID)):
        groups = [{"name": "A", "members": [{"email": email} for email in people]}, {"name": "B", "members": []}]
        posted = {"name": "Summer", "groups": groups, "exclusions": [{"email": CID}], "confirm": True}
        first, second = intake.post("/v1/campaigns", posted).json()["syncs"]
        assert {carried_out(hut, intake, sync["status"]) for sync in (first, second)} == {"delivered"}
        assert hut.klaviyo.members("Summer - A") == {*people} - {CID}
        assert hut.klaviyo.members("Summer - B") == set()
