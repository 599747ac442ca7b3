"""What comes as a membership or a campaign over HTTP is on the lists in the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cluster import BOTH
from tests.support.intake import TOKEN, Intake, known, running
from tests.support.local_system import LocalSystem
from tests.support.recovery import recover

ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"

pytestmark = BOTH


@pytest.fixture
def intake(redis_url: str) -> Iterator[Intake]:
    with running(known(redis_url)) as started:
        yield started


def carried_out(system: LocalSystem, intake: Intake, status: str) -> str:
    recover(system.redis, system.connections)
    return str(intake.get(status, TOKEN).json()["state"])


def test_a_list_is_what_was_put_last(system: LocalSystem, intake: Intake) -> None:
    for people in ((ANN, BOB), (BOB, CID)):
        body = "\n".join(("email", *people))
        path = "/v1/audiences/42/members?name=VIPs&confirm=1"
        status = intake.put(path, body, Content_Type="text/csv").json()["status"]
        assert carried_out(system, intake, status) == "delivered"
        assert system.klaviyo.members("VIPs") == {*people}


def test_the_groups_of_a_campaign_are_lists_and_the_next_campaign_brings_them_up_to_date(
    system: LocalSystem, intake: Intake
) -> None:
    for people in ((ANN,), (BOB, CID)):
        groups = [{"name": "A", "members": [{"email": email} for email in people]}, {"name": "B", "members": []}]
        posted = {"name": "Summer", "groups": groups, "exclusions": [{"email": CID}], "confirm": True}
        first, second = intake.post("/v1/campaigns", posted).json()["syncs"]
        assert {carried_out(system, intake, sync["status"]) for sync in (first, second)} == {"delivered"}
        assert system.klaviyo.members("Summer - A") == {*people} - {CID}
        assert system.klaviyo.members("Summer - B") == set()


def test_the_rows_that_cannot_be_sent_are_a_file_without_anybodys_data(system: LocalSystem, intake: Intake) -> None:
    body = "\n".join(("email,plan", f"{ANN},gold", "nobody@,gold", ",=1+1", f"{BOB},blue", "x,y"))
    status = intake.put("/v1/audiences/42/members?name=VIPs", body, Content_Type="text/csv").json()["status"]
    early = intake.get(f"{status}/rejected.csv", TOKEN)
    assert (early.status_code, "its rows are known once it is compared" in early.text) == (404, True)
    assert carried_out(system, intake, status) == "delivered"
    file = intake.get(f"{status}/rejected.csv", TOKEN)
    assert file.headers["Content-Type"] == "text/csv;charset=utf-8"
    assert file.text.splitlines() == ["row,reason", "2,email_invalid", "3,identity_missing", "5,email_invalid"]
    assert intake.get(status, TOKEN).json()["counts"]["shrink"] == {"email_invalid": 2, "identity_missing": 1}
    # Not for somebody without a token, and not under another audience.
    assert intake.get(f"{status}/rejected.csv", "").status_code == 401
    assert intake.get(f"{status.replace('/42/', '/43/')}/rejected.csv", TOKEN).status_code == 404
