from __future__ import annotations

from console.auth.roles import Role
from tests.browser.installation import Installation
from tests.browser.page import Page
from tests.support.console import TOKENS
from tests.support.people import names


def test_the_audit_says_who_did_what_to_which_queue(page: Page, ferry: Installation) -> None:
    queue = ferry.post("audited", "Audited", names(2))
    page.sign_in(TOKENS[Role.OPERATOR])
    page.shows(f"/queues/{queue}", "2 / 100")
    page.press("Hold")
    page.fill("Reason", "to be seen in the audit")
    page.press("Hold Audited")
    page.press(f"Release {queue}")
    page.press("Release Audited")
    page.press("Flush now")
    page.press("Flush Audited now")
    page.open("/audit")
    lines = [line for line in page.text().splitlines() if str(queue) in line]
    assert [
        f"web:operator {act} {queue}" in line for act, line in zip(("flush", "release", "hold"), lines, strict=True)
    ]
    assert "2 changes" in lines[0]
