"""The page of one run: its figures, the people whom it changed, and the rows that cannot be sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
import pytest
import requests
from redis import Redis

from configuration.queries import DataSource
from console.auth.roles import Role
from ops.queries.documents import run_documents
from queues import audit, holds
from queues.acceptance import Acceptance, accept
from queues.change import Body, encode, person_key
from queues.clock import now_ms
from queues.holds import Hold
from queues.names import Queue
from queues.people.identities import Identities, named_by
from queues.policy import FlushPolicy
from queues.queries.records import QueryRun
from queues.snapshots import guard, members, orders, outcomes
from queues.snapshots.members import Bucket, Member
from queues.snapshots.records import Counts, Outcomes, State
from tests.support.console import Console, console
from tests.support.pages import said
from tests.support.queries import NAME, compared_run, query

VIPS = Queue("default", "audience", NAME)
COUNTS = Counts(
    rows=50, people=47, duplicates=2, shrink={"email_invalid": 1}, held=8, adds=30, updates=1, removals=4, unchanged=16
)
ENDS = Outcomes(changes=35, delivered=35, settled=1)


@dataclass(frozen=True, slots=True)
class RunPage:
    """The page of a run, for every role."""

    served: Console
    run: QueryRun

    @property
    def path(self) -> str:
        """Its address."""
        return f"{self.served.url}/queries/{NAME}/runs/{self.run.id}"

    def get(self, role: Role, more: str = "", **headers: str) -> requests.Response:
        """As somebody of a role gets it. `more`: after its path."""
        return self.served.browser(role).get(self.path + more, headers=headers, timeout=30)

    def text(self, role: Role, kind: str, page: int = 1) -> str:
        """Its text from the lists on."""
        return said(self.get(role, f"?kind={kind}&page={page}").text).partition("People and rows")[2]


@pytest.fixture
def shown(redis: Redis, redis_url: str) -> Iterator[RunPage]:
    with console(redis_url, sources=(DataSource("shop", "sqlite", "shop.sqlite"),), queries=(query(),)) as running:
        yield RunPage(running, compared_run(redis, COUNTS, ENDS, left_out={"phone_number": {"phone_invalid": 3}}))


def on_the_list(redis: Redis, *identities: str) -> None:
    """These people are members."""

    def filled(number: int, bucket: Bucket) -> Bucket:
        added = {each: Member(now_ms()) for each in identities if members.bucket_of(each) == number}
        return Bucket({**bucket.members, **added}, bucket.gone, bucket.filled)

    members.edit(redis, VIPS, {*map(members.bucket_of, identities)}, filled)


def keep(redis: Redis, run: QueryRun, people: Mapping[str, Mapping[str, list[str]]]) -> None:
    """The run changed these people: action -> identity -> attributes."""
    hashes = Identities(redis, "default")
    kept = {
        action: [(hashes.hash(named_by(each)), names) for each, names in changed.items()]
        for action, changed in people.items()
    }
    outcomes.keep_people(redis, run.snapshot, kept)


def test_the_equations_of_a_run_add_up(shown: RunPage) -> None:
    page = said(shown.get(Role.OPERATOR).text)
    for words in (
        "50 people in 50 rows = 47 to be on the list + 2 duplicates + 1 rejected",
        "47 people to be on the list = 30 added + 1 updated + 16 unchanged; 4 removed, 50.0% of the list",
        "The SQL is another than that of the last good run.",
        "Rejected 1 Added 30 Updated 1 Removed 4 Left out 3",
    ):
        assert words in page
    assert requests.get(f"{shown.path}x", headers=shown.served.bearer(Role.VIEWER), timeout=30).status_code == 404


def test_a_run_that_the_guard_holds_leads_to_its_review(redis: Redis, redis_url: str) -> None:
    with console(redis_url, sources=(DataSource("shop", "sqlite", "shop.sqlite"),), queries=(query(),)) as running:
        page = RunPage(running, compared_run(redis, COUNTS, Outcomes(), "held"))
        holds.place(redis, orders.queue_of("default", NAME), Hold(guard.GUARD, now_ms(), "Compare the numbers"))
        (review,) = re.findall(r'href="([^"]+)">Review', page.get(Role.OPERATOR).text)
        assert "Compare the numbers" in running.browser(Role.OPERATOR).get(running.url + review, timeout=30).text
        assert "Review" not in page.get(Role.VIEWER).text


def test_people_come_in_pages_masked_unless_an_admin_looks(shown: RunPage, redis: Redis) -> None:
    added = [f"email:p{number:02}@example.com" for number in range(30)]
    on_the_list(redis, *added[:-1])
    keep(redis, shown.run, {"add": {each: ["plan", "city"] for each in added}})
    for role in (Role.VIEWER, Role.OPERATOR):
        masked = shown.text(role, "added")
        assert masked.count("p***@e***.com plan, city") == 25
        assert "example.com" not in masked
        assert "1\u201325 of 30 people" in masked
    assert audit.read(redis, 5)[0].what == "sign-in"
    second = shown.text(Role.ADMIN, "added", 2)
    assert [f"p{number:02}@example.com" in second for number in (24, 25, 28)] == [False, True, True]
    assert second.count("Not on the list now plan, city") == 1, "who left since"
    (read,) = (entry for entry in audit.read(redis, 5) if entry.what == "persons read")
    assert (read.who, read.on, read.counts) == ("web:admin", str(VIPS), {"persons": 4})


def test_a_refresh_does_not_read_the_people(shown: RunPage, redis: Redis) -> None:
    on_the_list(redis, "email:ann@example.com")
    keep(redis, shown.run, {"update": {"email:ann@example.com": ["plan"]}})
    assert "ann@example.com" in shown.get(Role.ADMIN, "?kind=changed").text
    assert "ann@example.com" not in shown.get(Role.ADMIN, "?kind=changed", **{"HX-Request": "true"}).text
    assert len([entry for entry in audit.read(redis, 9) if entry.what == "persons read"]) == 1


def test_rows_that_cannot_be_sent_have_their_number_and_the_reason(shown: RunPage, redis: Redis) -> None:
    outcomes.keep_rejected(redis, shown.run.snapshot, {"email_invalid": [1_007]})
    text = shown.text(Role.VIEWER, "rejected")
    assert "Row Why 1,007 Klaviyo does not accept this e-mail: correct it in the source. email_invalid" in text
    assert "the next run sends them" in text
    assert text == shown.text(Role.VIEWER, "nonsense"), "the list of those that somebody has to correct comes first"
    assert f'href="/syncs/{shown.run.snapshot}/rejected.csv"' in shown.get(Role.VIEWER).text
    left_out = shown.text(Role.VIEWER, "left_out")
    assert "Column Why Rows phone_number phone_invalid 3" in left_out


def test_a_row_without_identifiers_is_not_said_to_be_a_letter_of_klaviyos(shown: RunPage, redis: Redis) -> None:
    outcomes.keep_rejected(redis, shown.run.snapshot, {"identity_missing": [7]})
    text = shown.text(Role.VIEWER, "rejected")
    assert "7 The row has no e-mail, phone number or id: export one of them. identity_missing" in text
    assert "letter" not in text


def state(redis: Redis, run: QueryRun, state: State, kept: int = 0) -> None:
    """The snapshot of the run has that state, and no change of it was queued."""
    counts = msgspec.structs.replace(COUNTS, kept=kept)
    record = orders.record(redis, run.snapshot)
    assert record is not None
    orders.close(redis, msgspec.structs.replace(record, state=state, counts=counts, outcomes=Outcomes()))


def test_what_a_superseded_run_did_not_do_is_not_said_to_be_done(shown: RunPage, redis: Redis) -> None:
    state(redis, shown.run, "superseded", kept=2)
    keep(redis, shown.run, {"remove": {"email:bob@example.com": []}})
    page = said(shown.get(Role.OPERATOR).text)
    for words in (
        "= 30 to add + 1 to update + 16 unchanged; 4 to remove, 50.0% of the list; 2 kept",
        "would have added 30, updated 1 and removed 4",
        "Rejected 1 To add 30 To update 1 To remove 4 Left out 3",
    ):
        assert words in page
    of_query = said(shown.served.browser(Role.VIEWER).get(f"{shown.served.url}/queries/{NAME}", timeout=30).text)
    assert "Would have added 30, updated 1 and removed 4" in of_query
    admin = shown.served.browser(Role.ADMIN)
    given = {"csrf": shown.served.csrf(admin), "person": "bob@example.com"}
    assert "This run would remove this person." in said(admin.post(shown.path, given, timeout=30).text)


def test_a_run_behind_a_hold_names_it_and_what_to_do(redis: Redis, redis_url: str) -> None:
    told = encode(
        (person_key("email", "ann@example.com"),), now_ms(), Body("add", 1, "changes", "", msgspec.Raw(b"{}"))
    )
    accept(redis, Acceptance(VIPS, FlushPolicy(), "", [told]), now_ms())
    holds.place(redis, VIPS, holds.Hold("list_gone", now_ms(), "Klaviyo has no list of that name."))
    with console(redis_url, sources=(DataSource("shop", "sqlite", "shop.sqlite"),), queries=(query(),)) as running:
        page = RunPage(running, compared_run(redis, COUNTS, Outcomes(changes=35)))
        browser = running.browser(Role.VIEWER)
        for address in (page.path, f"{running.url}/queries", f"{running.url}/queries/{NAME}"):
            text = said(browser.get(address, timeout=30).text)
            assert f"{VIPS} is held (list_gone). Klaviyo has no list of that name." in text
            assert f"To release it: ferry release {VIPS}" in text
        assert "\n" not in run_documents(redis, [page.run])[0].remedy, "the commands would write it out as \\x0a"
        holds.release(redis, VIPS)
        assert "is held" not in said(browser.get(page.path, timeout=30).text)


def test_a_list_says_what_it_lacks(shown: RunPage, redis: Redis) -> None:
    text = shown.text(Role.VIEWER, "removed")
    assert "Who they were is not kept any more: Ferry keeps it for 7 days." in text
    assert "1 more row is rejected: its number is not kept." in shown.text(Role.VIEWER, "rejected")
    keep(redis, shown.run, {"remove": {f"email:q{number}@example.com": [] for number in range(3)}})
    text = shown.text(Role.VIEWER, "removed")
    assert "These are the first 3 of 4." in text
    assert text.count("Not on the list now") == 3


def test_a_list_without_anybody_says_so(redis: Redis, redis_url: str) -> None:
    counts = Counts(rows=1, people=1, unchanged=1)
    with console(redis_url, sources=(DataSource("shop", "sqlite", "shop.sqlite"),), queries=(query(),)) as running:
        page = RunPage(running, compared_run(redis, counts, Outcomes()))
        assert "This run adds nobody to the list." in page.text(Role.VIEWER, "added")
        assert "Every row of this run can be sent." in page.text(Role.VIEWER, "rejected")


def test_an_admin_downloads_the_people_without_formulas(shown: RunPage, redis: Redis) -> None:
    on_the_list(redis, "email:ann@example.com", "external_id:=1+1")
    keep(redis, shown.run, {"add": {"email:ann@example.com": ["plan", "city"], "external_id:=1+1": []}})
    file = shown.get(Role.ADMIN, "/people.csv?kind=added")
    assert file.headers["Content-Type"] == "text/csv;charset=utf-8"
    assert file.text.split() == ["person,attributes", "ann@example.com,plan", "city", "'=1+1,"]
    assert shown.get(Role.OPERATOR, "/people.csv?kind=added").status_code == 403
    assert shown.get(Role.ADMIN, "/people.csv?kind=rejected").status_code == 404
    assert "people.csv" not in shown.get(Role.OPERATOR, "?kind=added").text


def test_an_admin_looks_one_person_up_and_no_address_is_kept(shown: RunPage, redis: Redis) -> None:
    keep(redis, shown.run, {"add": {"email:ann@example.com": ["plan"]}, "remove": {"email:bob@example.com": []}})
    admin = shown.served.browser(Role.ADMIN)

    def looked_up(person: str) -> str:
        given = {"csrf": shown.served.csrf(admin), "person": person}
        return said(admin.post(shown.path, given, timeout=30).text)

    assert "This run adds this person (plan)." in looked_up(" Ann@example.com")
    assert "This run removes this person." in looked_up("bob@example.com")
    nobody = looked_up("carl@example.com")
    assert "not among those whom Ferry keeps of this run: the first 10,000 of each kind, for 7 days." in nobody
    assert "carl@example.com" not in nobody
    assert all("example.com" not in str(entry) for entry in audit.read(redis, 20))
    operator = shown.served.browser(Role.OPERATOR)
    given = {"csrf": shown.served.csrf(operator), "person": "ann@example.com"}
    assert operator.post(shown.path, given, timeout=30).status_code == 403
