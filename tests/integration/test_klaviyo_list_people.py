"""Listing people and their consents, against the emulator."""

from __future__ import annotations

from redis import Redis

from klaviyo.endpoints import PUBLISHED
from klaviyo.errors import Throttled
from queues.rate_limits import RedisLimiter
from tests.support.client import OpenLimiter, client_of
from tests.support.emulator_api import SUBSCRIBE, UNSUBSCRIBE, Api, bulk_body, row, subscribed, unsubscribed
from tests.support.waiting import apart


def test_everybody_on_a_list_of_several_pages_is_listed_once(api: Api) -> None:
    made = api.make_list()
    api.start_import([row(email=f"p{number}@example.com", external_id=f"c-{number}") for number in range(250)], made)
    api.make_profile(email="elsewhere@example.com")
    with client_of(api, OpenLimiter()) as client:
        found = list(client.list_profiles(made))
    assert sorted(str(person["external_id"]) for person in found) == sorted(f"c-{number}" for number in range(250))
    assert all(person["phone_number"] is None for person in found)


def test_a_listing_survives_that_the_shared_limit_is_used_up(api: Api, redis: Redis) -> None:
    made = api.make_list()
    api.start_import([row(email=f"p{number}@example.com") for number in range(250)], made)
    limiter = RedisLimiter(redis, "test", PUBLISHED)
    with client_of(api, limiter) as client:
        listing = client.list_profiles(made)
        first = next(listing)
        limiter.pause("get_profiles_for_list", 2)
        rest, waits = [], 0
        while True:
            try:
                rest.append(next(listing))
            except Throttled as throttled:
                waits += 1
                apart(throttled.after_s)
            except StopIteration:
                break
    assert waits
    assert len({str(person["email"]) for person in [first, *rest]}) == len(rest) + 1 == 250


def test_whoever_joins_while_the_list_is_read_moves_nobody(api: Api) -> None:
    made = api.make_list()
    api.start_import([row(email=f"p{number}@example.com") for number in range(150)], made)
    with client_of(api, OpenLimiter()) as client:
        listing = client.list_profiles(made)
        next(listing)
        # Its id sorts before nobody's, its joining behind everybody's.
        api.start_import([row(email="a-late-one@example.com")], made)
        emails = [str(person["email"]) for person in listing]
    assert len(emails) == 150
    assert emails[-1] == "a-late-one@example.com"


def test_consents_of_members_and_of_others_are_read_as_they_are(api: Api) -> None:
    made = api.make_list(opt_in_process="single_opt_in")
    api.post(SUBSCRIBE, bulk_body(SUBSCRIBE, [subscribed("ann@example.com", "+12025550123")], made))
    api.start_import([row(email="bob@example.com")], made)
    api.control("suppress/bob@example.com", {"reason": "SPAM_COMPLAINT"})
    api.make_profile(email="carl@example.com")
    api.post(UNSUBSCRIBE, bulk_body(UNSUBSCRIBE, [unsubscribed("carl@example.com")]))
    with client_of(api, OpenLimiter()) as client:
        on_list = {person.email: person for person in client.list_consents(made)}
        others = client.profiles_consents("email", ["Carl@example.com", "nobody@example.com"])
    assert on_list.keys() == {"ann@example.com", "bob@example.com"}
    ann, bob = on_list["ann@example.com"], on_list["bob@example.com"]
    assert (ann.by_email.consent, ann.by_sms.consent) == ("SUBSCRIBED", "SUBSCRIBED")
    assert bob.by_email.consent == "NEVER_SUBSCRIBED"
    assert [each.reason for each in bob.by_email.suppression or ()] == ["SPAM_COMPLAINT"]
    assert [(person.email, person.by_email.consent) for person in others] == [("carl@example.com", "UNSUBSCRIBED")]
