"""Who is imported joins the lists some time after the job is complete, and nothing else waits for that."""

from __future__ import annotations

import pytest

from emulator.work import Erasure, ImportJob, Subscription, Unsubscription
from emulator.world import ACCOUNT_ID, World
from tests.support.emulator_api import row, subscribed, unsubscribed

START = 1_800_000_000.25
ADA, BOB = "a@example.com", "b@example.com"


class Account:
    """A world whose clock is set by hand; a job takes 10 s, joining a list 5 s more."""

    def __init__(self) -> None:
        self.moment = START
        self.world = World(job_seconds=10, now=lambda: self.moment)
        self.world.jobs.membership_delay = 5
        self.list_id = self.world.lists.create("VIP", "single_opt_in", START).id

    def submit(self, *emails: str) -> ImportJob:
        rows = [row(email=email) for email in emails]
        return self.world.jobs.submit(ACCOUNT_ID, rows, (self.list_id,), self.moment)

    def wait(self, seconds: float) -> None:
        self.moment += seconds
        self.world.catch_up()

    def members(self) -> list[str]:
        members = self.world.lists.by_id[self.list_id].members
        return [str(self.world.profiles.by_id[member].attributes["email"]) for member in members]

    def people(self) -> list[str]:
        return [str(person.attributes["email"]) for person in self.world.profiles.by_id.values()]


def test_the_people_of_a_complete_job_exist_and_join_only_later() -> None:
    account = Account()
    job = account.submit(ADA)
    account.wait(10)
    assert account.world.jobs.progress(job, account.moment).status == "complete"
    assert (account.people(), account.members()) == ([ADA], [])
    account.wait(4.9)
    assert account.members() == []
    account.wait(0.2)
    assert account.members() == [ADA]


def test_the_delay_counts_from_the_end_of_the_job_however_late_anybody_looks() -> None:
    account = Account()
    account.submit(ADA)
    account.wait(15)
    assert account.members() == [ADA]


def test_nothing_else_waits_for_the_members_of_an_import() -> None:
    account = Account()
    account.submit(ADA)
    account.wait(1)
    account.submit(BOB)
    rows = [subscribed("c@example.com")]
    order = Subscription(created=account.moment, rows=rows, list_id=account.list_id, historical=False, source=None)
    account.world.jobs.accept(order)
    account.wait(10)
    assert account.people() == [ADA, BOB, "c@example.com"]
    assert account.members() == ["c@example.com"]
    account.wait(4)
    assert account.members() == ["c@example.com", ADA]
    account.wait(1)
    assert account.members() == ["c@example.com", ADA, BOB]


@pytest.mark.parametrize(("delay", "consent"), [(0, "NEVER_SUBSCRIBED"), (1, "UNSUBSCRIBED")])
def test_who_is_not_yet_a_member_falls_into_the_trap_of_unsubscribing(delay: float, consent: str) -> None:
    account = Account()
    account.world.jobs.membership_delay = delay
    account.submit(ADA)
    account.world.jobs.accept(Unsubscription(created=account.moment, rows=[unsubscribed(ADA)], list_id=account.list_id))
    account.wait(60)
    person = account.world.profiles.find("email", ADA)
    assert person is not None
    assert person.consent().of("email.marketing").consent == consent


def test_a_changed_delay_counts_for_those_who_wait() -> None:
    account = Account()
    account.submit(ADA)
    account.wait(10)
    account.world.jobs.membership_delay = 0
    account.wait(0)
    assert account.members() == [ADA]


def test_who_is_erased_meanwhile_joins_nothing() -> None:
    account = Account()
    account.submit(ADA, BOB)
    account.wait(10)
    account.world.jobs.seconds = 0
    (ada, _) = account.world.profiles.by_id
    account.world.jobs.accept(Erasure(created=account.moment, profile_id=ada))
    account.wait(5)
    assert account.members() == [BOB]


def test_a_list_deleted_meanwhile_is_passed_over() -> None:
    account = Account()
    account.submit(ADA)
    account.wait(10)
    del account.world.lists.by_id[account.list_id]
    account.wait(5)
    assert account.people() == [ADA]


def test_cancelling_leaves_alone_what_is_complete() -> None:
    account = Account()
    account.submit(ADA)
    account.wait(10)
    account.submit(BOB)
    account.world.jobs.cancel(account.moment)
    account.wait(60)
    assert account.members() == [ADA]
