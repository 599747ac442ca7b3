"""Everybody on a list, through waits and in another process; and what people have consented to."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
import responses
from responses import matchers

from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted, Throttled
from klaviyo.list_people import ListedPerson
from klaviyo.marketing import Marketing, Suppression
from klaviyo.outcomes import UNEXPECTED
from tests.support.answered import URL, sent_query
from tests.support.client import OpenLimiter

PEOPLE = f"{URL}/api/lists/L1/profiles"
PROFILES = f"{URL}/api/profiles"
EARLIER = "2026-02-03T04:05:06+00:00"


class TurnstileLimiter(OpenLimiter):
    """Lets as many requests through as it is told to, one after another."""

    def __init__(self, *open_for: int) -> None:
        super().__init__()
        self._left = list(open_for)

    def acquire(self, _endpoint: str) -> float:
        if not self._left[0]:
            self._left.pop(0)
            return 42.0
        self._left[0] -= 1
        return 0.0


def client(limiter: OpenLimiter | None = None) -> Klaviyo:
    return Klaviyo(URL, "pk_test", limiter or OpenLimiter())


def profile(email: str | None, **more: Any) -> dict[str, Any]:
    return {"type": "profile", "id": "P", "attributes": {"email": email, **more}}


def page(*emails: str, after: str | None, at: str | None = None) -> None:
    """A page of these people, which the cursor `at` leads to, and whose next is `after`."""
    match = [matchers.query_param_matcher({"page[cursor]": at} if at else {"page[size]": "100"}, strict_match=False)]
    following = f"{PEOPLE}?page[cursor]={after}" if after else None
    responses.get(PEOPLE, json={"data": [profile(e) for e in emails], "links": {"next": following}}, match=match)


def three_pages() -> None:
    page("e@example.com", after=None, at="c")
    page("c@example.com", "d@example.com", after="c", at="b")
    page("a@example.com", "b@example.com", after="b")


def emails(listing: Any) -> list[str]:
    return [str(person["email"]) for person in listing]


@responses.activate
def test_everybody_is_listed_by_every_identifier() -> None:
    ann = {"email": "ann@example.com", "phone_number": "+14155550132", "external_id": None}
    responses.get(PEOPLE, json={"data": [{"type": "profile", "id": "P", "attributes": ann}], "links": {"next": None}})
    assert list(client().list_profiles("L1")) == [ann]
    assert sent_query() == {
        "fields[profile]": ["email,phone_number,external_id"],
        "sort": ["joined_group_at"],
        "page[size]": ["100"],
    }


@responses.activate
def test_a_listing_that_was_throttled_goes_on_with_the_page_that_did_not_come() -> None:
    three_pages()
    listing = client(TurnstileLimiter(1, 1, 1)).list_profiles("L1")
    found = []
    for expected in (2, 2, 1):
        found += emails(islice(listing, expected))
        if len(found) < 5:
            with pytest.raises(Throttled) as throttled:
                next(listing)
            assert throttled.value.after_s == 42.0
    assert found == [f"{name}@example.com" for name in "abcde"]
    assert list(listing) == []
    assert len(responses.calls) == 3


@pytest.mark.parametrize(("seen", "repeated"), [(0, 0), (1, 1), (2, 0), (3, 1), (4, 0), (5, 1)])
@responses.activate
def test_another_listing_goes_on_from_the_cursor_and_misses_nobody(seen: int, repeated: int) -> None:
    three_pages()
    listing = client().list_profiles("L1")
    before = emails(islice(listing, seen))
    after = emails(client().list_profiles("L1", listing.cursor))
    # Of the page of which somebody was handed out, all come again; so does the last one, while its end is not known.
    assert len(after) == 5 - seen + repeated
    assert set(before) | set(after) == {f"{name}@example.com" for name in "abcde"}


@responses.activate
def test_a_page_that_leads_to_itself_ends_the_listing_and_is_not_read_for_ever() -> None:
    page("c@example.com", after="b", at="b")
    page("a@example.com", after="b")
    listing = client().list_profiles("L1")
    assert next(listing)["email"] == "a@example.com"
    with pytest.raises(NotAccepted) as refusal:
        next(listing)
    assert refusal.value.outcome == UNEXPECTED


@responses.activate
def test_a_listing_is_not_cut_off_at_the_thousandth_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("klaviyo.calls.MAX_PAGES", 1)
    three_pages()
    assert len(list(client().list_profiles("L1"))) == 5


@responses.activate
def test_nobody_is_taken_to_be_missing_by_an_answer_that_cannot_be_read() -> None:
    responses.get(PEOPLE, json={"data": [{"type": "profile", "id": "P"}], "links": {"next": None}})
    with pytest.raises(NotAccepted) as refusal:
        list(client().list_profiles("L1"))
    assert refusal.value.outcome == UNEXPECTED


@responses.activate
def test_consents_are_told_by_channel() -> None:
    suppression = {"reason": "HARD_BOUNCE", "timestamp": EARLIER}
    channels = {
        "email": {"marketing": {"consent": "SUBSCRIBED", "suppression": [suppression], "list_suppressions": None}},
        "sms": {"marketing": {"consent": "UNSUBSCRIBED"}},
        "mobile_push": None,
    }
    people = [profile("ann@example.com", subscriptions=channels), profile("bob@example.com", subscriptions=None)]
    responses.get(PEOPLE, json={"data": people, "links": {"next": None}})
    ann, bob = client().list_consents("L1")
    assert (ann.by_email.consent, ann.by_sms.consent) == ("SUBSCRIBED", "UNSUBSCRIBED")
    assert [each.reason for each in ann.by_email.suppression or ()] == ["HARD_BOUNCE"]
    assert bob == ListedPerson("bob@example.com", None, None, Marketing(), Marketing())
    assert sent_query()["additional-fields[profile]"] == ["subscriptions"]
    assert sent_query()["fields[profile]"] == ["email,phone_number,external_id,subscriptions"]


@responses.activate
def test_consents_of_people_are_asked_for_a_hundred_at_a_time() -> None:
    known = profile(None, external_id="c-1", subscriptions={"email": {"marketing": {"consent": "SUBSCRIBED"}}})
    responses.get(PROFILES, json={"data": [known], "links": {"next": None}})
    responses.get(PROFILES, json={"data": [], "links": {"next": None}})
    found = client().profiles_consents("external_id", [f"c-{number}" for number in range(101)])
    assert [(person.external_id, person.by_email.consent) for person in found] == [("c-1", "SUBSCRIBED")]
    assert sent_query(1)["filter"] == ['any(external_id,["c-100"])']


def test_a_suppression_without_a_reason_is_still_one() -> None:
    assert Suppression().reason == ""
