"""What is accepted is carried out in its order, whatever its kind, when its time is over."""

from __future__ import annotations

from emulator.work import Erasure, Subscription, Tracking, Unsubscription
from emulator.world import ACCOUNT_ID, World
from tests.support.emulator_api import event, row, subscribed, unsubscribed

START = 1_800_000_000.25


class Account:
    """A world whose clock is set by hand."""

    def __init__(self) -> None:
        self.moment = START
        self.world = World(job_seconds=10, now=lambda: self.moment)
        self.list_id = self.world.lists.create("VIP", "single_opt_in", START).id

    def wait(self, seconds: float) -> None:
        self.moment += seconds
        self.world.catch_up()

    def join(self, email: str) -> None:
        self.world.jobs.submit(ACCOUNT_ID, [row(email=email)], (self.list_id,), self.moment)

    def subscribe(self, email: str) -> None:
        order = Subscription(
            created=self.moment, rows=[subscribed(email)], list_id=self.list_id, historical=False, source=None
        )
        self.world.jobs.accept(order)

    def unsubscribe(self, email: str) -> None:
        rows = [unsubscribed(email)]
        self.world.jobs.accept(Unsubscription(created=self.moment, rows=rows, list_id=self.list_id))

    def track(self, email: str, **attributes: object) -> None:
        events = [(row(email=email), event(**attributes)["attributes"])]
        self.world.jobs.accept(Tracking(created=self.moment, events=events))

    def consent(self, email: str) -> str:
        person = self.world.profiles.find("email", email)
        return "nobody" if person is None else person.consent().of("email.marketing").consent


def test_consent_is_given_when_the_time_is_over_and_not_before() -> None:
    account = Account()
    account.subscribe("a@example.com")
    account.wait(9.9)
    assert account.consent("a@example.com") == "nobody"
    account.wait(0.2)
    assert account.consent("a@example.com") == "SUBSCRIBED"


def test_who_joins_the_list_before_the_unsubscription_loses_this_list_only() -> None:
    account = Account()
    account.subscribe("a@example.com")
    account.unsubscribe("a@example.com")
    account.wait(11)
    assert account.consent("a@example.com") == "SUBSCRIBED"
    assert list(account.world.journal.traps) == []


def test_who_leaves_before_the_unsubscription_falls_into_the_trap() -> None:
    account = Account()
    account.subscribe("a@example.com")
    account.unsubscribe("a@example.com")
    account.unsubscribe("a@example.com")
    account.wait(11)
    assert account.consent("a@example.com") == "UNSUBSCRIBED"
    (trap,) = account.world.journal.traps
    assert (trap.list_id, trap.channels) == (account.list_id, ("email.marketing",))


def test_an_import_after_an_erasure_makes_a_new_person() -> None:
    account = Account()
    account.join("a@example.com")
    account.track("a@example.com")
    account.wait(11)
    (before,) = account.world.profiles.by_id
    account.world.jobs.accept(Erasure(created=account.moment, profile_id=before))
    account.world.jobs.accept(Erasure(created=account.moment, profile_id=before))
    account.join("a@example.com")
    account.wait(11)
    (after,) = account.world.profiles.by_id
    assert after != before
    assert list(account.world.lists.by_id[account.list_id].members) == [after]
    assert account.world.events.of_metric(None) == []


def test_a_list_deleted_in_the_meantime_is_nobodys_list() -> None:
    account = Account()
    account.world.lists.default_opt_in = "single_opt_in"
    account.subscribe("a@example.com")
    account.unsubscribe("b@example.com")
    account.join("b@example.com")
    account.unsubscribe("b@example.com")
    del account.world.lists.by_id[account.list_id]
    account.wait(11)
    assert [account.consent(f"{name}@example.com") for name in "ab"] == ["SUBSCRIBED", "UNSUBSCRIBED"]
    assert len(account.world.journal.traps) == 1


def test_an_event_without_a_time_gets_that_of_its_acceptance() -> None:
    account = Account()
    account.track("a@example.com")
    account.wait(11)
    (found,) = account.world.events.of_metric(None)
    assert (found.time, found.unique_id) == (int(START), str(int(START)))
