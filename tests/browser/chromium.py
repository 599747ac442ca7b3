"""A Chromium without a window, as wide, dark and clever as a test wants it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

Chromium = webdriver.Chrome

#: Width and height in CSS pixels.
DESK = (1280, 900)
PHONE = (390, 844)

# Nothing of it asks the outside, and a container needs no sandbox of its own.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@contextmanager
def chromium(profile: Path) -> Iterator[Chromium]:
    """Chromium with a profile of its own, for the length of the block."""
    options = webdriver.ChromeOptions()
    options.binary_location = _found("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "SEVERE"})
    for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={DESK[0]},{DESK[1]}"):
        options.add_argument(flag)
    driver = Chromium(options, Service(_found("chromedriver")))
    try:
        driver.set_page_load_timeout(60)
        driver.set_script_timeout(60)
        yield driver
    finally:
        driver.quit()


def _found(name: str) -> str:
    path = shutil.which(name)
    assert path, (
        f"{name} is not installed, and these tests look at pages in it: apt-get install chromium chromium-driver"
    )
    return path


def as_new(driver: Chromium) -> None:
    """Signed out, on a desk, by day, with scripts and a network."""
    driver.delete_all_cookies()
    show(driver)
    scripts(driver, on=True)
    network(driver, on=True)


def show(driver: Chromium, size: tuple[int, int] = DESK, scheme: str = "light") -> None:
    """Look through a window of that size, where people prefer `light` or `dark`."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width == PHONE[0]}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    preferred = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", preferred)


def complaints(driver: Chromium) -> list[str]:
    """The errors that pages have had since this was last asked: of scripts, of loading, and against the CSP."""
    return [entry["message"] for entry in driver.get_log("browser")]  # type: ignore[no-untyped-call]


def scripts(driver: Chromium, *, on: bool) -> None:
    """Whether the pages that are opened from now on may run scripts."""
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not on})


def network(driver: Chromium, *, on: bool) -> None:
    """Whether the browser reaches anybody."""
    driver.execute_cdp_cmd("Network.enable", {})
    unlimited = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": not on, **unlimited})
