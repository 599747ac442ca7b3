"""Whatever people say of their consent in one batch: sending what is left of it ends as all of it in order would."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mappings.consent import Consent
from queues.change import Action, Body, Change, person_key
from worker.consents.kind import intents
from worker.consents.supersede import addresses, remaining
from worker.people.batch_people import People

LISTS = (None, "LIST01", "LIST02")
EMAILS = (None, "a@example.com", "b@example.com")
PHONES = (None, "+14155552671", "+14155552672")


@dataclass(frozen=True)
class Said:
    """One change and its consent."""

    change: Change
    consent: Consent


@dataclass
class Subscriptions:
    """What Klaviyo knows of one address: by list, and of every list that nothing was said of."""

    by_list: dict[str | None, bool] = field(default_factory=dict)
    otherwise: bool | None = None

    def hear(self, action: Action, about: str | None) -> None:
        if action == "unsubscribe" and about is None:
            self.by_list, self.otherwise = {}, False
        else:
            self.by_list[about] = action == "subscribe"

    def known(self) -> list[bool | None]:
        return [self.by_list.get(about, self.otherwise) for about in LISTS]


Account = dict[tuple[str, str], Subscriptions]


def said(action: Action, email: str | None, phone: str | None = None, about: str | None = None, at: int = 0) -> Said:
    body = Body(action, at, "segment", "m", msgspec.Raw(b"{}"))
    return Said(Change((person_key("n", "1"),), 0, body), Consent(email, phone, about, None, None))


def left(everything: list[Said]) -> dict[int, dict[str, str]]:
    consents = {index: each.consent for index, each in enumerate(everything)}
    found = remaining([each.change for each in everything], consents)
    return {index: {str(channel): value for channel, value in each.items()} for index, each in found.items()}


def apply(account: Account, everything: list[Said], operations: Iterable[tuple[int, dict[str, str]]]) -> None:
    for index, told in operations:
        for channel, address in told.items():
            subscriptions = account.setdefault((channel, address), Subscriptions())
            subscriptions.hear(everything[index].change.body.action, everything[index].consent.list_id)


def known(account: Account) -> dict[tuple[str, str], list[bool | None]]:
    return {address: subscriptions.known() for address, subscriptions in account.items()}


ANYTHING = st.builds(
    said,
    st.sampled_from(["subscribe", "unsubscribe"]),
    st.sampled_from(EMAILS),
    st.sampled_from(PHONES),
    st.sampled_from(LISTS),
    st.integers(0, 5),
)


@given(st.lists(ANYTHING, max_size=25), st.randoms(use_true_random=False))
def test_what_is_left_ends_as_all_of_it_in_order_would(everything: list[Said], order: random.Random) -> None:
    in_order: Account = {}
    newest_last = sorted(range(len(everything)), key=lambda i: (everything[i].change.body.at, i))
    whole = [(i, {str(channel): v for channel, v in addresses(everything[i].consent).items()}) for i in newest_last]
    apply(in_order, everything, whole)

    sent: Account = {}
    operations = list(left(everything).items())
    order.shuffle(operations)  # nothing may hang on the order within a stage
    for stage in ("unsubscribe", "subscribe"):
        apply(sent, everything, [each for each in operations if everything[each[0]].change.body.action == stage])
    assert known(sent) == known(in_order)


@given(st.lists(ANYTHING, max_size=25))
def test_nobody_is_sent_twice_about_one_list(everything: list[Said]) -> None:
    told = [
        (channel, address, everything[i].consent.list_id, everything[i].change.body.action)
        for i, each in left(everything).items()
        for channel, address in each.items()
    ]
    assert len(told) == len(set(told))
    named = [each[:3] for each in told if each[2] is not None]
    assert len(named) == len(set(named))


def test_a_consent_that_was_given_with_a_list_is_taken_back_with_it_and_no_other() -> None:
    def asked(about: str, at: int) -> Said:
        given = said("subscribe", "a@example.com", at=at)
        return replace(given, consent=replace(given.consent, given_for=about))

    def taken_back(about: str, at: int) -> Said:
        back = said("unsubscribe", "a@example.com", about=about, at=at)
        return replace(back, consent=replace(back.consent, waiting_only=True))

    assert left([asked("L", 1), taken_back("L", 2)]) == {}
    assert left([taken_back("L", 2), asked("L", 1)]) == {}
    assert left([asked("L", 1), said("unsubscribe", "a@example.com", about="L", at=2)]).keys() == {1}
    assert left([asked("L", 1), taken_back("M", 2)]).keys() == {0}
    assert left([asked("L", 1), taken_back("L", 2), asked("L", 3)]).keys() == {2}
    assert left([asked("M", 1), asked("L", 2), taken_back("L", 3)]).keys() == {0}
    assert left([asked("M", 1), asked("L", 2)]).keys() == {1}
    assert left([asked("L", 1), said("subscribe", "a@example.com", at=2), taken_back("L", 3)]).keys() == {1}
    leaves = said("unsubscribe", "a@example.com", about="L", at=1)
    assert left([leaves, taken_back("L", 2)]).keys() == {0}, "Klaviyo is told of it all the same"


def test_the_newest_by_the_cdps_clock_wins_and_of_one_moment_the_last_to_arrive() -> None:
    late = [said("unsubscribe", "a@example.com", about="L", at=2), said("subscribe", "a@example.com", about="L", at=1)]
    assert left(late) == {0: {"email": "a@example.com"}}
    together = [said("unsubscribe", "a@example.com", about="L"), said("subscribe", "a@example.com", about="L")]
    assert left(together) == {1: {"email": "a@example.com"}}


def test_a_consent_of_before_counts_from_the_day_it_was_given_however_late_it_is_told() -> None:
    told = said("subscribe", "a@example.com", about="L", at=1_714_600_000_000)
    of_before = replace(told, consent=replace(told.consent, consented_at="2024-05-01T19:45:44.065Z"))
    assert left([of_before, said("unsubscribe", "a@example.com", about="L", at=1_714_592_744_064)]).keys() == {0}
    assert left([of_before, said("unsubscribe", "a@example.com", about="L", at=1_714_592_744_066)]).keys() == {1}


def test_a_change_keeps_the_channel_that_nothing_newer_is_about() -> None:
    both, mail = (
        said("subscribe", "a@example.com", "+14155552671", "L"),
        said("unsubscribe", "a@example.com", about="L"),
    )
    assert left([both, mail]) == {0: {"phone_number": "+14155552671"}, 1: {"email": "a@example.com"}}


def test_a_consent_for_one_channel_is_about_the_address_of_that_one() -> None:
    both = said("subscribe", "a@example.com", "+14155552671")
    sms = replace(both, consent=replace(both.consent, channels=("sms",)))
    assert left([sms]) == {0: {"phone_number": "+14155552671"}}
    mail = said("unsubscribe", "a@example.com", about="L")
    assert left([mail, sms]) == {0: {"email": "a@example.com"}, 1: {"phone_number": "+14155552671"}}


def test_an_unsubscribe_from_everything_overtakes_every_list_and_the_other_channel_not() -> None:
    lists = [said("subscribe", "a@example.com", "+14155552671", about) for about in LISTS]
    assert left([*lists, said("unsubscribe", "a@example.com")]) == {
        **{index: {"phone_number": "+14155552671"} for index in range(len(lists))},
        len(lists): {"email": "a@example.com"},
    }


def test_people_who_share_a_phone_keep_a_consent_each_by_their_e_mail() -> None:
    family = [said("subscribe", f"{name}@example.com", "+14155552671", "L") for name in "ab"]
    assert left(family) == {
        0: {"email": "a@example.com"},
        1: {"email": "b@example.com", "phone_number": "+14155552671"},
    }


def test_only_who_unsubscribes_makes_older_dead_letters_of_the_person_void() -> None:
    changes = [said(action, "a@example.com").change for action in ("subscribe", "unsubscribe")]
    assert [(intent.indexes, intent.decisive) for intent in intents(People(changes))] == [([0], None), ([1], 1)]
