from __future__ import annotations

from typing import Any

from emulator.work import ImportJob
from emulator.world import ACCOUNT_ID, World
from tests.support.emulator_api import row

START = 1_800_000_000.25


class Account:
    """A world whose clock is set by hand."""

    def __init__(self, job_seconds: float = 10.0) -> None:
        self.moment = START
        self.world = World(job_seconds=job_seconds, now=lambda: self.moment)
        self.list_id = self.world.lists.create("VIP", "single_opt_in", START).id

    def submit(self, *rows: dict[str, Any]) -> ImportJob:
        return self.world.jobs.submit(ACCOUNT_ID, list(rows), (self.list_id,), self.moment)

    def wait(self, seconds: float) -> None:
        self.moment += seconds
        self.world.catch_up()

    def members(self) -> list[str]:
        members = self.world.lists.by_id[self.list_id].members
        return [str(self.world.profiles.by_id[member].attributes["email"]) for member in members]


def test_a_job_is_queued_then_processing_with_rising_counts_then_complete() -> None:
    account = Account()
    job = account.submit(*(row(email=f"p{n}@example.com") for n in range(100)))
    seen = []
    for _ in range(6):
        state = account.world.jobs.progress(job, account.moment)
        seen.append((state.status, state.completed_count))
        account.wait(2)
    statuses = [status for status, _ in seen]
    counts = [count for _, count in seen]
    assert statuses == ["queued", "queued", "processing", "processing", "processing", "complete"]
    assert counts == sorted(counts)
    assert counts[-1] == 100
    assert 0 < counts[3] < 100


def test_rows_become_profiles_and_members_only_when_the_job_is_complete() -> None:
    account = Account()
    account.submit(row(email="a@example.com"))
    account.wait(9.9)
    assert (account.members(), account.world.profiles.by_id) == ([], {})
    account.wait(0.2)
    assert account.members() == ["a@example.com"]


def test_no_seconds_means_complete_at_once() -> None:
    account = Account(job_seconds=0)
    job = account.submit(row(email="a@example.com"))
    account.wait(0)
    assert account.world.jobs.progress(job, account.moment).status == "complete"


def test_a_changed_duration_counts_for_jobs_under_way() -> None:
    account = Account(job_seconds=3_600)
    account.submit(row(email="a@example.com"))
    account.world.jobs.seconds = 0
    account.wait(0)
    assert account.members() == ["a@example.com"]


def test_jobs_are_carried_out_in_the_order_they_were_submitted() -> None:
    account = Account()
    account.submit(row(email="a@example.com", first_name="old"))
    account.submit(row(email="a@example.com", first_name="new"))
    account.wait(11)
    person = account.world.profiles.find("email", "a@example.com")
    assert person is not None
    assert person.attributes["first_name"] == "new"


def test_of_two_rows_for_one_person_the_last_wins() -> None:
    account = Account(job_seconds=0)
    job = account.submit(row(email="a@example.com", title="1", image="i"), row(email="A@example.com", title="2"))
    account.wait(0)
    (person,) = account.world.profiles.by_id.values()
    assert (person.attributes["title"], person.attributes["image"]) == ("2", "i")
    assert account.world.jobs.progress(job, account.moment).completed_count == 2


def test_an_import_never_clears_a_value_with_null() -> None:
    account = Account(job_seconds=0)
    account.submit(row(email="a@example.com", title="Dr", properties={"n": 1}))
    account.wait(0)
    account.submit(row(email="a@example.com", title=None, properties={"n": None}))
    account.wait(0)
    (person,) = account.world.profiles.by_id.values()
    assert (person.attributes["title"], person.properties) == ("Dr", {"n": 1})


def test_a_magic_address_fails_with_its_code_and_the_job_is_complete_all_the_same() -> None:
    account = Account(job_seconds=0)
    job = account.submit(row(email="fail+bad_taste@example.com", title="x"), row(email="a@example.com"))
    account.wait(0)
    state = account.world.jobs.progress(job, account.moment)
    assert (state.status, state.completed_count, state.failed_count) == ("complete", 1, 1)
    (failure,) = job.failures
    assert (failure.code, failure.row["attributes"]["title"]) == ("bad_taste", "x")
    assert account.members() == ["a@example.com"]


def test_identifiers_of_two_people_fail_the_row_and_no_other() -> None:
    account = Account(job_seconds=0)
    account.submit(row(email="a@example.com"), row(external_id="bob", email="b@example.com"))
    account.wait(0)
    job = account.submit(row(external_id="bob", email="a@example.com"), row(email="c@example.com"))
    account.wait(0)
    assert [failure.detail for failure in job.failures] == ["Duplicate email found: a@example.com"]
    assert account.members() == ["a@example.com", "b@example.com", "c@example.com"]


def test_an_id_nobody_has_fails_the_row() -> None:
    account = Account(job_seconds=0)
    job = account.submit({**row(email="a@example.com"), "id": "01X"})
    account.wait(0)
    assert [failure.code for failure in job.failures] == ["not_found"]


def test_a_list_deleted_before_the_end_is_passed_over_and_the_people_are_kept() -> None:
    account = Account()
    account.submit(row(email="a@example.com"))
    del account.world.lists.by_id[account.list_id]
    account.wait(11)
    assert len(account.world.profiles.by_id) == 1


def test_a_job_is_forgotten_after_seven_days() -> None:
    account = Account()
    old = account.submit(row(email="a@example.com"))
    account.wait(7 * 86_400 - 1)
    young = account.submit(row(email="a@example.com"))
    assert account.world.jobs.get(old.id, ImportJob) is old
    account.wait(2)
    assert account.world.jobs.get(old.id, ImportJob) is None
    assert account.world.jobs.every(ImportJob) == [young]


def test_the_rows_of_a_complete_job_are_let_go() -> None:
    account = Account(job_seconds=0)
    job = account.submit(row(email="a@example.com"))
    account.wait(0)
    assert job.rows == []


def test_joining_again_keeps_the_time_of_joining() -> None:
    account = Account(job_seconds=0)
    account.submit(row(email="a@example.com"))
    account.wait(0)
    (before,) = account.world.lists.by_id[account.list_id].members.values()
    account.wait(60)
    account.submit(row(email="a@example.com"))
    account.wait(0)
    (after,) = account.world.lists.by_id[account.list_id].members.values()
    assert after == before


def test_the_profiles_of_a_job_are_named_once_each_in_the_order_of_the_rows() -> None:
    account = Account(job_seconds=0)
    job = account.submit(
        row(email="a@example.com", external_id="a"),
        row(email="fail+x@example.com"),
        row(email="b@example.com"),
        row(external_id="a"),
    )
    account.wait(0)
    assert job.imported == list(account.world.profiles.by_id)
    assert account.members() == ["a@example.com", "b@example.com"]
    assert account.world.jobs.progress(job, account.moment).completed_count == 3


def test_a_profile_that_a_later_row_merges_into_another_is_not_of_the_job() -> None:
    account = Account(job_seconds=0)
    account.world.identity.clash = "merge"
    job = account.submit(row(email="b@example.com"), row(external_id="a"), row(external_id="a", email="b@example.com"))
    account.wait(0)
    (person,) = account.world.profiles.by_id.values()
    assert (job.imported, person.attributes) == ([person.id], {"external_id": "a", "email": "b@example.com"})
    assert account.members() == ["b@example.com"]
