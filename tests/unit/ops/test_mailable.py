"""Who would get a message, by what Klaviyo tells of their consents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo.list_people import ListedPerson
from klaviyo.marketing import Marketing, Suppression
from ops.export.mailable import CHANNELS, STATES, ChannelReach

LIST = "L1"


def counted(*people: ListedPerson) -> ChannelReach:
    standing = ChannelReach()
    for person in people:
        standing.add(person, LIST)
    return standing


def of_email(standing: ChannelReach) -> dict[str, int]:
    return dict(standing.states["email"])


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (Marketing("SUBSCRIBED"), "subscribed"),
        (Marketing("NEVER_SUBSCRIBED"), "never subscribed"),
        (Marketing("UNSUBSCRIBED"), "unsubscribed"),
        (Marketing(), "not told"),
        (Marketing("A_NEW_WORD"), "not told"),
        (Marketing("SUBSCRIBED", suppression=[Suppression("HARD_BOUNCE")]), "suppressed"),
        (Marketing("UNSUBSCRIBED", suppression=[Suppression("UNSUBSCRIBE")]), "suppressed"),
        (Marketing("SUBSCRIBED", list_suppressions=[Suppression("UNSUBSCRIBE", list_id=LIST)]), "suppressed"),
        (Marketing("SUBSCRIBED", list_suppressions=[Suppression("UNSUBSCRIBE", list_id="L2")]), "subscribed"),
        (Marketing("SUBSCRIBED", suppression=[]), "subscribed"),
    ],
)
def test_a_suppression_of_everything_or_of_this_list_outweighs_the_consent(told: Marketing, state: str) -> None:
    assert of_email(counted(ListedPerson("ann@example.com", by_email=told))) == {state: 1}


def test_channels_are_counted_apart_and_a_suppression_is_of_email_only() -> None:
    suppressed = Marketing("SUBSCRIBED", suppression=[Suppression("SPAM_COMPLAINT")])
    standing = counted(ListedPerson("ann@example.com", "+14155550132", None, suppressed, Marketing("SUBSCRIBED")))
    assert of_email(standing) == {"suppressed": 1}
    assert dict(standing.states["sms"]) == {"subscribed": 1}


def test_who_has_no_address_for_a_channel_is_not_reached_by_it_whatever_the_consent() -> None:
    standing = counted(
        ListedPerson(external_id="c-1", by_email=Marketing("SUBSCRIBED"), by_sms=Marketing("SUBSCRIBED"))
    )
    assert [dict(standing.states[channel]) for channel in CHANNELS] == [{"no address": 1}, {"no address": 1}]


def test_every_reason_counts_once_for_a_person() -> None:
    reasons = [Suppression("HARD_BOUNCE"), Suppression("HARD_BOUNCE"), Suppression("UNSUBSCRIBE")]
    told = Marketing("SUBSCRIBED", None, None, reasons, [Suppression("UNSUBSCRIBE", list_id=LIST)])
    standing = counted(ListedPerson("ann@example.com", by_email=told))
    assert standing.suppressed == {"HARD_BOUNCE": 1, "UNSUBSCRIBE": 1, "UNSUBSCRIBE (this list)": 1}
    assert of_email(standing) == {"suppressed": 1}


_words = st.sampled_from(["SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED", "ELSE", None])
_told = st.builds(Marketing, _words, suppression=st.none() | st.lists(st.just(Suppression("HARD_BOUNCE")), max_size=2))
_people = st.builds(ListedPerson, st.none() | st.just("a@b.c"), st.none() | st.just("+1"), st.just("c"), _told, _told)


@given(st.lists(_people, max_size=20), st.integers(0, 5))
def test_everybody_is_in_one_state_of_each_channel_or_unknown(people: list[Any], unknown: int) -> None:
    standing = counted(*people)
    standing.add_unknown(unknown)
    assert standing.people == len(people) + unknown
    for channel in CHANNELS:
        assert standing.states[channel].total() + standing.unknown == standing.people
        assert standing.states[channel].keys() <= set(STATES)
