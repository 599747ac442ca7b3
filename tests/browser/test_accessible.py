"""Every page can be read and used by everybody: on a desk and on a phone, by day and at night."""

from __future__ import annotations

from typing import Any

import pytest
from selenium_axe_python import Axe

from tests.browser import scene
from tests.browser.chromium import DESK, PHONE, show
from tests.browser.installation import Installation
from tests.browser.page import Page

#: Of axe's four: what keeps somebody from reading or doing something.
_GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def busy(ferry: Installation) -> None:
    """There is something of everything on the pages."""
    scene.set_up(ferry)


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("name", scene.PAGES)
def test_a_page_has_no_grave_fault_and_fits_a_phone(page: Page, name: str) -> None:
    scene.enter(page)
    scene.PAGES[name](page)
    for size, scheme in ((DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")):
        show(page.driver, size, scheme)
        assert faults(page) == [], f"{size} {scheme}"
    assert page.measure("document.documentElement.scrollWidth") == PHONE[0]
    assert page.measure("innerWidth") == PHONE[0]


def faults(page: Page) -> list[str]:
    """What axe finds: the rule and the first place."""
    axe = Axe(page.driver)
    axe.inject()
    return [_told(found) for found in axe.run()["violations"] if found["impact"] in _GRAVE]


def _told(found: dict[str, Any]) -> str:
    return f"{found['id']} ({found['impact']}): {[node['html'] for node in found['nodes'][:3]]}"


def test_a_grave_fault_is_found(page: Page) -> None:
    page.open("/sign-in")
    page.driver.execute_script("document.querySelector('label').remove()")
    assert [told.split()[0] for told in faults(page)] == ["label"]


def test_a_page_too_wide_for_a_phone_is_found(page: Page) -> None:
    page.open("/sign-in")
    page.driver.execute_script("document.querySelector('form').style.width = '500px'")
    show(page.driver, PHONE)
    assert page.measure("document.documentElement.scrollWidth") > PHONE[0]
