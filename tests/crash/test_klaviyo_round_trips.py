"""A delivery is disturbed at every call it makes of Klaviyo; each list is made once and ends as it should."""

from __future__ import annotations

import pytest

from tests.support.link import When
from tests.support.model import DOMAIN, HOPELESS, Message, message
from tests.support.proxied_system import ProxiedSystem

AUDIENCE = "42"


def a_new_list_is_filled_and_two_leave(proxied: ProxiedSystem) -> None:
    """Two batches: one makes the list and has a row that Klaviyo fails, one adds and removes."""
    hopeless = f"{HOPELESS}blocked@{DOMAIN}"
    proxied.accept(Message((*message(AUDIENCE, "add", range(4)).changes, (AUDIENCE, "add", hopeless))))
    proxied.drive()
    if proxied.to_klaviyo.sprung:
        return
    proxied.accept(message(AUDIENCE, "remove", [0, 1]))
    proxied.accept(message(AUDIENCE, "add", range(4, 7)))
    proxied.drive()


@pytest.mark.parametrize("when", ["before", "after", "during"])
def test_a_delivery_killed_around_any_call_of_klaviyo_loses_nothing(proxied: ProxiedSystem, when: When) -> None:
    seen = proxied.at_every_request(
        proxied.to_klaviyo,
        lambda n: proxied.to_klaviyo.kill_at(n, when, proxied.children.kill),
        lambda: a_new_list_is_filled_and_two_leave(proxied),
        every=2,
    )
    # Found and made; looked whether four are on it, then three more; two looked up, taken off, and looked up again.
    lists = ["GET", "POST", "GET", "GET", "GET", "DELETE", "GET"]
    assert [name.split()[0] for name in seen if "/lists" in name] == lists
    assert [name.split()[0] for name in seen if "-jobs" in name] == ["POST", "GET", "GET", "POST", "GET"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_call_of_klaviyo_without_an_answer_is_repeated_and_changes_nothing(
    proxied: ProxiedSystem, when: When
) -> None:
    seen = proxied.at_every_request(
        proxied.to_klaviyo,
        lambda n: proxied.to_klaviyo.reset_at(n, when),
        lambda: a_new_list_is_filled_and_two_leave(proxied),
        every=2,
    )
    assert len(seen) >= 8, seen


@pytest.mark.parametrize("size", [1, 100, 700, 1500, 3000, 4500, 6000])
def test_an_answer_of_klaviyo_that_breaks_off_is_asked_for_again(proxied: ProxiedSystem, size: int) -> None:
    proxied.empty()
    proxied.to_klaviyo.cut_after(size)
    a_new_list_is_filled_and_two_leave(proxied)
    assert proxied.to_klaviyo.cut
    proxied.check()
