"""Who is told what, and never twice the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts import news
from queues.alerts import Raised
from tests.support.alerts import alert

CHANNELS = ("slack", "email")
#: At each judging: whether something is wrong, and which channels take what they are told.
MINUTES = st.lists(st.tuples(st.booleans(), st.frozensets(st.sampled_from(CHANNELS))), max_size=20)


def minute(known: list[Raised], wrong: bool, take: frozenset[str], now: int) -> tuple[list[Raised], dict[str, str]]:
    """One judging; what is known after it, and what each channel took."""
    known, took = news.merged(known, [alert()] if wrong else [], now), {}
    for channel in CHANNELS:
        for each in news.untold(known, channel) if channel in take else ():
            took[channel] = "raised" if each.over is None else "over"
        if channel in take:
            known = news.known_to(known, channel)
    gone = news.done(known, CHANNELS)
    return [each for each in known if each.alert.id not in gone], took


@given(MINUTES)
def test_a_channel_hears_that_it_begins_and_that_it_is_over_in_turn_and_in_the_end_the_truth(
    minutes: list[tuple[bool, frozenset[str]]],
) -> None:
    known: list[Raised] = []
    heard: dict[str, list[str]] = {channel: [] for channel in CHANNELS}
    wrong = False
    for now, (wrong, take) in enumerate([*minutes, (False, frozenset()), (True, frozenset(CHANNELS))]):
        known, took = minute(known, wrong, take, now)
        for channel, what in took.items():
            heard[channel].append(what)
        for channel in take:
            believes = heard[channel][-1:] == ["raised"]
            assert believes == wrong, "who takes what it is told knows how it is"
    for told in heard.values():
        assert told == [("raised", "over")[place % 2] for place in range(len(told))]
    assert wrong
    assert len(known) == 1


@given(MINUTES)
def test_nothing_is_kept_of_an_alert_that_everybody_knows_to_be_over(
    minutes: list[tuple[bool, frozenset[str]]],
) -> None:
    known: list[Raised] = []
    for now, (wrong, take) in enumerate([*minutes, (False, frozenset(CHANNELS))]):
        known, _ = minute(known, wrong, take, now)
    assert known == []


def test_since_is_when_it_began_and_the_words_are_those_of_now() -> None:
    first = news.merged([], [alert(text="12 letters")], 10)
    (later,) = news.merged(first, [alert(text="13 letters")], 20)
    assert (later.since, later.alert.text) == (10, "13 letters")
    (ended,) = news.merged(news.merged([later], [], 30), [], 40)
    assert (ended.since, ended.over) == (10, 30)


def test_who_was_never_told_of_an_alert_is_not_told_of_its_end() -> None:
    known = news.merged(news.merged([], [alert()], 10), [], 20)
    assert news.untold(known, "slack") == ()
    assert news.done(known, CHANNELS) == [alert().id]


def test_a_channel_that_is_added_is_told_of_what_lasts_and_one_that_is_removed_keeps_nothing() -> None:
    known = news.known_to(news.merged([], [alert()], 10), "slack")
    assert [each.alert.id for each in news.untold(known, "email")] == [alert().id]
    assert news.done(news.merged(known, [], 20), ["email"]) == [alert().id]
