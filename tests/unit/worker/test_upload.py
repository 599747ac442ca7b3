"""Whatever rows of a batch are bad, and however that shows: they are rejected, all others are imported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo.errors import NotAccepted
from klaviyo.imports import ImportJob, RowFailure
from klaviyo.outcomes import Bisect, Outcome, Retry, RowError, Rows
from mappings.rules import Rules
from queues.batches import Batch
from queues.change import Body, Change, person_key
from queues.names import Queue
from worker import progress
from worker.audience.kind import stages
from worker.audience.upload import confirm, poll, upload
from worker.connection import Destination
from worker.delivery import Delivery
from worker.errors import Later
from worker.progress import Job

#: Mapped or not; named by a refusal or not; accepted and then failed.
Kind = Literal["fine", "unmappable", "named", "unnamed", "fails"]
KINDS: tuple[Kind, ...] = ("fine", "unmappable", "named", "unnamed", "fails")
#: Errors that a refusal names at most.
NAMED_AT_ONCE = 3


@pytest.fixture(autouse=True)
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audience has its list; whose it is, is looked up in Redis."""
    monkeypatch.setattr("worker.audience.upload.list_of", lambda _delivery, create: "LIST01")


class Scripted:
    """Klaviyo, whose opinion of a row is the row's first name. `requests`: imports asked for.

    `interruptions`: numbers of imports that are not looked at, for there is a limit of calls.
    """

    def __init__(self, interruptions: Sequence[int] = ()) -> None:
        self.requests = 0
        self.status = "complete"
        self.asked: list[str] = []
        self.jobs: dict[str, list[dict[str, Any]]] = {}
        self._interruptions = interruptions

    def import_profiles(self, rows: Sequence[bytes], list_id: str | None) -> ImportJob:
        """As `Klaviyo.import_profiles`."""
        assert list_id == "LIST01"
        self.requests += 1
        if self.requests in self._interruptions:
            raise NotAccepted("bulk_import_profiles", Retry(1, counts=False, why="throttled"))
        people = [orjson.loads(row)["attributes"] for row in rows]
        if refusal := _refusal([person["first_name"] for person in people]):
            raise NotAccepted("bulk_import_profiles", refusal)
        job_id = f"job-{len(self.jobs)}"
        self.jobs[job_id] = people
        return self.import_job(job_id)

    def import_job(self, job_id: str) -> ImportJob:
        """As `Klaviyo.import_job`; complete at once, unless `status` says otherwise or the job is unknown here."""
        self.asked.append(job_id)
        people = self.jobs.get(job_id, [])
        failed = sum(person["first_name"] == "fails" for person in people)
        status = self.status if people else "queued"
        return ImportJob(job_id, status, len(people), len(people) - failed, failed, None)

    def import_errors(self, job_id: str) -> Iterator[RowFailure]:
        """As `Klaviyo.import_errors`; some give the person, others the row."""
        for index, person in enumerate(self.jobs[job_id]):
            if person["first_name"] == "fails":
                payload = {"attributes": person} if index % 2 else None
                yield RowFailure("refused", "", payload, index, "e-1")

    def get_list(self, list_id: str) -> str:
        """The list is there."""
        return f"List {list_id}"


def _refusal(kinds: list[Kind]) -> Outcome | None:
    named = [index for index, kind in enumerate(kinds) if kind == "named"][:NAMED_AT_ONCE]
    if named:
        return Rows(tuple(RowError(index, "invalid", "", f"/{index}", "e-1") for index in named))
    return Bisect("bad_request", "", "", "e-1") if "unnamed" in kinds else None


class WithoutLedger(Delivery):
    """Keeps what it achieved to itself."""

    def keep(self) -> None:
        """Nothing dies here."""


def delivery_of(kinds: Sequence[Kind], klaviyo: Scripted) -> Delivery:
    changes = [_change(number, kind) for number, kind in enumerate(kinds)]
    batch = Batch("00-x", Queue("default", "audience", "42"), 1, "size", 0, 0, 0, b"", lambda: changes)
    to = Destination("pk_test", Rules(), "LIST01", None, "VIPs", None)
    return WithoutLedger(cast(Any, None), batch, to, cast(Any, klaviyo))


def _change(number: int, kind: Kind) -> Change:
    email = "nonsense" if kind == "unmappable" else f"p{number}@example.com"
    person = msgspec.json.encode({"email": email, "attributes": {"first_name": kind}})
    return Change((person_key("n", str(number)),), 0, Body("add", 0, "changes", "m", msgspec.Raw(person)))


def imported(klaviyo: Scripted) -> list[str]:
    return [p["email"] for job in klaviyo.jobs.values() for p in job if p["first_name"] != "fails"]


def check(kinds: Sequence[Kind], delivery: Delivery, klaviyo: Scripted) -> None:
    bad = {number for number, kind in enumerate(kinds) if kind != "fine"}
    assert delivery.progress.rejected.keys() == bad
    # A list: nobody was imported twice.
    assert sorted(imported(klaviyo)) == sorted(f"p{n}@example.com" for n in range(len(kinds)) if n not in bad)


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=40))
def test_any_subset_of_bad_rows_is_rejected_and_its_complement_imported(kinds: list[Kind]) -> None:
    klaviyo = Scripted()
    delivery = delivery_of(kinds, klaviyo)
    upload(delivery)
    confirm(delivery, {})
    check(kinds, delivery, klaviyo)
    sent = len(kinds) - kinds.count("unmappable")
    rounds = kinds.count("named")  # Each refusal that names rows names one at least.
    assert klaviyo.requests <= max(0, 2 * sent - 1) + rounds


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=40), st.lists(st.integers(1, 60), max_size=8))
def test_an_interrupted_upload_goes_on_and_imports_nobody_twice(kinds: list[Kind], interruptions: list[int]) -> None:
    klaviyo = Scripted(interruptions)
    delivery = delivery_of(kinds, klaviyo)
    while not goes_through(delivery):
        written = progress.dump(delivery.progress)
        delivery = delivery_of(kinds, klaviyo)
        delivery.progress = progress.load(written)
    confirm(delivery, {})
    check(kinds, delivery, klaviyo)


def goes_through(delivery: Delivery) -> bool:
    try:
        upload(delivery)
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, Retry):
            return False
        raise
    return True


def test_one_bad_row_among_a_hundred_takes_about_fourteen_requests() -> None:
    klaviyo = Scripted()
    kinds: list[Kind] = ["fine"] * 100
    kinds[63] = "unnamed"
    delivery = delivery_of(kinds, klaviyo)
    upload(delivery)
    check(kinds, delivery, klaviyo)
    assert klaviyo.requests <= 15


@pytest.mark.parametrize("status", ["queued", "processing"])
def test_a_poll_of_an_unfinished_import_reads_no_change(status: str) -> None:
    klaviyo = Scripted()
    delivery = delivery_of(["fine"], klaviyo)
    upload(delivery)
    delivery.progress.stage = "confirm"
    again = delivery_of([], klaviyo)
    again.progress = progress.load(progress.dump(delivery.progress))
    klaviyo.status = status
    with pytest.raises(Later, match="not complete yet"):
        stages(again)
    assert "changes" not in vars(again.batch)


def test_of_several_imports_the_unfinished_ones_are_asked_again_and_the_others_noted() -> None:
    klaviyo = Scripted()
    delivery = delivery_of(["fine", "fine"], klaviyo)
    upload(delivery)
    delivery.progress.jobs = [Job("job-0", [0]), Job("unfinished", [1])]
    klaviyo.asked.clear()
    with pytest.raises(Later, match="not complete yet"):
        confirm(delivery, poll(delivery))
    assert [job.done for job in delivery.progress.jobs] == [True, False]
    with pytest.raises(Later, match="not complete yet"):
        poll(delivery)
    assert klaviyo.asked == ["job-0", "unfinished", "unfinished"], "no job twice for one poll"
