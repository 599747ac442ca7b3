"""A busy installation: something of everything that the pages can show, and how to get to each page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from selenium.webdriver.common.by import By

from queues.names import Queue
from tests.browser.installation import Installation
from tests.browser.page import Page
from tests.support.people import names
from tests.support.waiting import until

#: Its key is refused.
OUTLET: Final = "outlet"
VIPS: Final = Queue("default", "audience", "vips")
LAPSED: Final = Queue("default", "audience", "lapsed")
WINNERS: Final = Queue("default", "audience", "winback")
ERASURES: Final = Queue("default", "erasure", "erasures")
#: The runs on the page of a query.
_RUN: Final = "tbody th a"


def set_up(ferry: Installation) -> None:
    """Two uploads by size and what is left over, what waits, what is held, what died, and a key that is refused."""
    ferry.connect(OUTLET)
    ferry.accept_keys()
    ferry.post(VIPS.target, "VIPs", names(238))
    ferry.post("news", "Newsletter", names(64))
    ferry.post(LAPSED.target, "Lapsed customers", names(12))
    ferry.ferry("hold", str(LAPSED), "--reason", "the winback campaign begins on Monday")
    _let_die(ferry)
    let_ask_for_erasure(ferry, "asks@example.com", "stranger@example.com")
    outlet = ferry.post("members", "Outlet members", names(9), OUTLET)
    ferry.ferry("flush", str(outlet))
    until(lambda: f'"{OUTLET}"' in ferry.ferry("holds", "--json"), "the hold on a connection")
    until(lambda: ferry.counted(VIPS).delivered == 200, "two uploads")


def _let_die(ferry: Installation) -> None:
    """Somebody whom Klaviyo refuses, and somebody whose address is none."""
    ferry.refuse_once("refused@example.com")
    ferry.flush(ferry.post(WINNERS.target, "Winback", ["refused@example.com"]))
    ferry.flush(ferry.post(WINNERS.target, "Winback", [*names(23), "no address at all"]))


def let_ask_for_erasure(ferry: Installation, person: str, other: str) -> None:
    """Somebody with the customer number of another profile asks to be forgotten."""
    before, number = ferry.counted(ERASURES).kept, f"c-{person}"
    ferry.klaviyo.has_profile(email=other, external_id=number)
    ferry.erase(number, person)
    until(lambda: ferry.counted(ERASURES).kept > before, "the letter")


def _sign_in(page: Page) -> None:
    page.driver.delete_all_cookies()
    page.open("/sign-in")


def letter(page: Page, queue: Queue) -> None:
    """Go to the first letter of a queue."""
    page.shows(f"/dead?queue={queue}", "by reason")
    page.press(page.driver.find_element(By.CSS_SELECTOR, "a[href^='/dead/default/']").text)


def _confirm(page: Page) -> None:
    letter(page, ERASURES)
    page.press("Confirm")


def _replay(page: Page) -> None:
    page.open("/dead")
    page.driver.find_element(By.CSS_SELECTOR, "input[type=checkbox]").click()
    page.press("Replay selected")


def _story(page: Page) -> None:
    page.open("/person")
    page.fill("Audience or queue", str(VIPS))
    page.fill("E-mail address", "p7@example.com")
    page.press("Look up")


def _previewed(page: Page) -> None:
    page.open("/preview")
    message = (
        '{"audience": {"id": "42"}, "changes": [{"action": "add", "email": "ann@example.com"}, {"action": "add"}]}'
    )
    page.driver.find_element(By.ID, "message").send_keys(message)
    with page.leaving():
        page.driver.find_element(By.CSS_SELECTOR, "main button").click()


def run_of_query(page: Page) -> None:
    """Go to the people of the first run, and begin one if there is none."""
    page.open("/queries/loyal")
    if not page.driver.find_elements(By.CSS_SELECTOR, _RUN):
        page.press("Run now")
    oldest = page.driver.find_elements(By.CSS_SELECTOR, _RUN)[-1]
    run = str(oldest.get_attribute("href")).removeprefix(page.url)
    page.shows(f"{run}?kind=added", "Delivered", "5 changes queued", "p0@example.com")


#: How to get to each page there is, for an admin who has signed in.
PAGES: Final[dict[str, Callable[[Page], None]]] = {
    "queues": lambda page: page.open("/"),
    "queue": lambda page: page.open(f"/queues/{VIPS}"),
    "queue that is held": lambda page: page.open(f"/queues/{LAPSED}"),
    "flush": lambda page: page.open(f"/queues/{VIPS}/flush"),
    "flush all": lambda page: page.open("/flush"),
    "hold": lambda page: page.open(f"/queues/{VIPS}/hold"),
    "release": lambda page: page.open(f"/queues/{LAPSED}/release"),
    "release of a connection": lambda page: page.open(f"/connections/{OUTLET}/release"),
    "holds": lambda page: page.open("/holds"),
    "dead letters": lambda page: page.open("/dead"),
    "dead letter": lambda page: letter(page, WINNERS),
    "erasure that needs a look": lambda page: letter(page, ERASURES),
    "confirm": _confirm,
    "replay": _replay,
    "person": lambda page: page.open("/person"),
    "story": _story,
    "retries": lambda page: page.open("/retries"),
    "syncs": lambda page: page.open("/syncs"),
    "queries": lambda page: page.open("/queries"),
    "query": lambda page: page.open("/queries/loyal"),
    "run of a query": run_of_query,
    "connections": lambda page: page.open("/connections"),
    "new connection": lambda page: page.open("/connections/add"),
    "key of a connection": lambda page: page.open(f"/connections/{OUTLET}/key"),
    "senders": lambda page: page.open("/senders"),
    "alerts": lambda page: page.open("/alerts"),
    "users": lambda page: page.open("/users"),
    "removal of a user": lambda page: page.open("/users/viewer/remove"),
    "preview": lambda page: page.open("/preview"),
    "previewed": _previewed,
    "audit": lambda page: page.open("/audit"),
    "error": lambda page: page.open("/queues/default/audience/none-of-that-name"),
    "sign in": _sign_in,
}
