"""The operator's page as somebody meets it in a browser: by what stands on it, not by how it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from selenium.common.exceptions import JavascriptException, StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.chromium import Chromium

#: Seconds: far more than anything takes, and between two looks, which take the time of what is looked for.
_PATIENCE = 60
_EVERY = 0.25


class Page:
    """What the browser shows of one installation. `url`: its address, without a slash at the end."""

    def __init__(self, driver: Chromium, url: str) -> None:
        self.driver = driver
        self.url = url
        self._wait = WebDriverWait(driver, _PATIENCE, _EVERY, (JavascriptException, StaleElementReferenceException))

    def open(self, path: str = "/") -> None:
        """Go to an address."""
        self.driver.get(self.url + path)

    def show_queue(self, queue: object) -> None:
        """Go to the first page, with the row of this queue alone."""
        self.open(f"/?q={queue}")

    def sign_in(self, token: str) -> None:
        """Through the form."""
        self.open("/sign-in")
        self.fill("Your token", token)
        self.press("Sign in")

    def path(self) -> str:
        """The address shown, without the installation's."""
        return self.driver.current_url.removeprefix(self.url)

    def heading(self) -> str:
        """The page's first."""
        return self.driver.find_element(By.TAG_NAME, "h1").text

    def text(self, selector: str = "main") -> str:
        """What can be read."""
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def row(self, id_: str) -> str:
        """What can be read in the row with that id; empty while there is none."""
        return " ".join(found.text for found in self.driver.find_elements(By.ID, id_))

    def says(self, *words: str, selector: str = "main") -> None:
        """Wait, on the page as it is, until all of it can be read."""
        self.until(lambda: all(word in self.text(selector) for word in words), *words)

    def shows(self, path: str, *words: str) -> None:
        """Wait until all of it can be read at an address, which is looked at again and again."""

        def found() -> bool:
            self.open(path)
            return all(word in self.text() for word in words)

        self.until(found, *words)

    def until(self, happened: Callable[[], bool], *wanted: str) -> None:
        """Wait until it has happened."""
        try:
            self._wait.until(lambda _: happened())
        except TimeoutException:
            raise AssertionError(f"{wanted} never came; {self.path()} says: {self.text()}") from None

    def names(self) -> list[str]:
        """Of every link and button, as they are read out."""
        return [found.accessible_name for found in self.driver.find_elements(By.CSS_SELECTOR, "a, button")]

    def press(self, name: str) -> None:
        """A link or a button, by the name that is read out; return when the page it leads to is there."""
        with self.leaving():
            self.named(name).click()

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """What is done in the block leads to another page: wait for it."""
        shown = "[performance.timeOrigin, document.readyState]"
        before = self.measure(shown)[0]
        yield
        self.until(lambda: before not in (now := self.measure(shown)) and "complete" in now, "another page")

    def named(self, name: str) -> WebElement:
        """A link or a button."""
        called = (
            f'//*[self::a or self::button][@aria-label="{name}" or (not(@aria-label) and normalize-space()="{name}")]'
        )
        found: WebElement = self._wait.until(
            lambda driver: driver.find_elements(By.XPATH, called), f"nothing on {self.path()} is called {name}"
        )[0]
        return found

    def fill(self, label: str, text: str) -> None:
        """Write into the field whose label begins so."""
        called = f'//input[@id=//label[starts-with(normalize-space(), "{label}")]/@for]'
        field = self.driver.find_element(By.XPATH, called)
        field.clear()
        field.send_keys(text)

    def keys(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self) -> str:
        """The name of what has the focus."""
        return self.driver.switch_to.active_element.accessible_name

    def measure(self, expression: str) -> Any:
        """The value of an expression in the page."""
        return self.driver.execute_script(f"return {expression}")
