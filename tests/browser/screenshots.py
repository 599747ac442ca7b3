"""The pictures of docs/page.md, taken of a real installation: python -m tests.browser.screenshots"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from tests.browser import scene
from tests.browser.chromium import PHONE, chromium, show
from tests.browser.installation import installation
from tests.browser.page import Page
from tests.support.console import ADMIN
from tests.support.paths import ROOT

FOLDER: Final = ROOT / "docs" / "screenshots"
#: CSS pixels. What is below the longest is not shown.
_WIDTH: Final = 1280
_LONGEST: Final = 1300
_PHONE: Final = PHONE[0]
#: File -> the page, the width, and the scheme that people prefer.
PICTURES: Final = {
    "queues.png": ("queues", _WIDTH, "light"),
    "queues-dark.png": ("queues", _WIDTH, "dark"),
    "queues-phone.png": ("queues", _PHONE, "light"),
    "queue.png": ("queue", _WIDTH, "light"),
    "flush.png": ("flush", _WIDTH, "light"),
    "holds.png": ("holds", _WIDTH, "light"),
    "holds-phone-dark.png": ("holds", _PHONE, "dark"),
    "dead-letters.png": ("dead letters", _WIDTH, "light"),
    "confirm.png": ("confirm", _WIDTH, "light"),
    "person.png": ("story", _WIDTH, "light"),
    "queue-phone.png": ("queue", _PHONE, "light"),
    "dead-letters-phone-dark.png": ("dead letters", _PHONE, "dark"),
    "connections.png": ("connections", _WIDTH, "light"),
    "preview.png": ("previewed", _WIDTH, "light"),
    "query-run.png": ("run of a query", _WIDTH, "light"),
}


def take(page: Page) -> None:
    """Take all of them, replacing those of before."""
    for name, (which, width, scheme) in PICTURES.items():
        show(page.driver, (width, 1), scheme)
        scene.PAGES[which](page)
        height = min(page.measure("document.documentElement.scrollHeight"), _LONGEST)
        show(page.driver, (width, height), scheme)
        page.driver.save_screenshot(str(FOLDER / name))


def main() -> None:
    """Bring everything up, fill it, look."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        installation(Path(folder) / "var") as ferry,
        chromium(Path(folder) / "profile") as driver,
    ):
        scene.set_up(ferry)
        page = Page(driver, ferry.url)
        page.sign_in(ADMIN)
        # What is shown of the queues may be a second old.
        page.shows("/", "223 delivered")
        take(page)


if __name__ == "__main__":
    main()
