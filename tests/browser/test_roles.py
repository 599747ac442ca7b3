"""What a viewer, an operator and an admin see of the same installation."""

from __future__ import annotations

import re

import pytest

from console.auth.roles import Role
from tests.browser.installation import Installation
from tests.browser.page import Page
from tests.support.console import TOKENS
from tests.support.people import names

#: Of what changes something. Signing out and looking are everybody's.
_ACTS = re.compile(r"(Flush|Hold|Release|Replay)\b")


def acts(page: Page) -> list[str]:
    """The links and buttons that change something."""
    return [name for name in page.names() if _ACTS.match(name)]


def test_a_viewer_sees_everything_of_a_queue_and_nothing_to_press(page: Page, ferry: Installation) -> None:
    queue = ferry.post("watched", "Watched", names(1))
    page.sign_in(TOKENS[Role.VIEWER])
    for path in ("/", f"/queues/{queue}", "/holds", "/dead"):
        page.open(path)
        assert acts(page) == []
    page.shows(f"/queues/{queue}", "1 / 100")


def test_an_operator_may_act_on_the_same_queue(page: Page, ferry: Installation) -> None:
    queue = ferry.post("operated", "Operated", names(1))
    page.sign_in(TOKENS[Role.OPERATOR])
    page.shows(f"/queues/{queue}", "1 / 100")
    assert {"Flush now", "Hold"} <= {*page.names()}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_nobody_below_admin_sees_persons(page: Page, role: Role) -> None:
    page.sign_in(TOKENS[role])
    assert "Person lookup" not in page.names()
    page.open("/person")
    page.says("This needs the role admin")


def test_an_address_that_needs_more_says_which_role(page: Page, ferry: Installation) -> None:
    queue = ferry.post("guarded", "Guarded", names(1))
    page.sign_in(TOKENS[Role.VIEWER])
    page.open(f"/queues/{queue}/flush")
    page.says("This needs the role operator", "viewer has the role viewer")
