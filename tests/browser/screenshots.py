"""The pictures of docs/page.md, taken of a real installation: python -m tests.browser.screenshots"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from tests.browser import scene
from tests.browser.chromium import DESK, PHONE, chromium, show
from tests.browser.installation import installation
from tests.browser.page import Page
from tests.support.ops import ROOT

FOLDER: Final = ROOT / "docs" / "screenshots"
#: File -> the page, the window and what people prefer.
PICTURES: Final = {
    "queues.png": ("queues", DESK, "light"),
    "queues-dark.png": ("queues", DESK, "dark"),
    "queues-phone.png": ("queues", PHONE, "light"),
    "queue.png": ("queue", DESK, "light"),
    "flush.png": ("flush", DESK, "light"),
    "holds.png": ("holds", DESK, "light"),
    "holds-phone-dark.png": ("holds", PHONE, "dark"),
    "dead-letters.png": ("dead letters", DESK, "light"),
    "person.png": ("story", DESK, "light"),
}


def take(page: Page) -> None:
    """Take all of them, replacing those of before."""
    for name, (which, size, scheme) in PICTURES.items():
        show(page.driver, size, scheme)
        scene.PAGES[which](page)
        # One request of its own, after which nothing on the page moves for two seconds.
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
        scene.enter(page)
        take(page)


if __name__ == "__main__":
    main()
