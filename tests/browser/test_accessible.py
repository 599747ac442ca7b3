"""Every page can be read and used by everybody: on a desk and on a phone, by day and at night."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

import pytest

from tests.browser import scene
from tests.browser.chromium import DESK, PHONE, show
from tests.browser.installation import Installation
from tests.browser.page import Page
from tests.support.console import ADMIN

_AXE: Final = files("selenium_axe_python").joinpath("axe-core", "axe.min.js").read_text()
#: Between the phone, where rows become blocks, and the desk.
_TABLET = (1000, 800)
#: Of axe's four: what keeps somebody from reading or doing something.
_GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def busy(ferry: Installation) -> None:
    """There is something of everything on the pages."""
    scene.set_up(ferry)


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("name", scene.PAGES)
def test_a_page_has_no_grave_fault_and_fits_every_window(page: Page, name: str) -> None:
    page.sign_in(ADMIN)
    scene.PAGES[name](page)
    for size in (PHONE, _TABLET, DESK):
        show(page.driver, size)
        assert width(page) == size[0]
    for size in (PHONE, DESK):
        show(page.driver, size)
        assert faults(page) == [], f"{size}"
        # Colours are all that is different at night.
        show(page.driver, size, "dark")
        assert faults(page, {"runOnly": ["color-contrast"]}) == [], f"{size}, dark"


def width(page: Page) -> int:
    """CSS pixels of the page; those beyond the window are reached by scrolling only."""
    return int(page.measure("Math.max(innerWidth, document.documentElement.scrollWidth)"))


def faults(page: Page, options: dict[str, Any] | None = None) -> list[str]:
    """What axe finds: the rule and the first places. `options`: axe's own."""
    if page.measure("typeof axe") == "undefined":
        page.driver.execute_script(_AXE)
    told = page.driver.execute_async_script("axe.run(arguments[0]).then(arguments[1])", options or {})
    return [_told(found) for found in told["violations"] if found["impact"] in _GRAVE]


def _told(found: dict[str, Any]) -> str:
    return f"{found['id']} ({found['impact']}): {[node['html'] for node in found['nodes'][:3]]}"


def test_a_grave_fault_is_found(page: Page) -> None:
    page.open("/sign-in")
    page.driver.execute_script("document.querySelector('label').remove()")
    assert [told.split()[0] for told in faults(page)] == ["label"]


def test_a_colour_too_faint_at_night_is_found(page: Page) -> None:
    page.open("/sign-in")
    show(page.driver, DESK, "dark")
    assert faults(page, {"runOnly": ["color-contrast"]}) == []
    page.driver.execute_script("document.querySelector('h1').style.color = '#333'")
    assert [told.split()[0] for told in faults(page, {"runOnly": ["color-contrast"]})] == ["color-contrast"]


def test_a_page_too_wide_for_a_phone_is_found(page: Page) -> None:
    page.open("/sign-in")
    page.driver.execute_script("document.querySelector('form').style.width = '500px'")
    show(page.driver, PHONE)
    assert width(page) > PHONE[0]
