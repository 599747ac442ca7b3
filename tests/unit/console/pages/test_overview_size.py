from __future__ import annotations

from console.auth.roles import Role, Visitor
from console.pages.connections_read import ConnectionsData
from console.pages.overview_read import OverviewData
from console.pages.overview_view import overview
from console.pages.queue_filter import QueueFilter
from console.pages.queue_table import table
from console.render import environment
from console.shell import badges, menu
from queues.census import Census
from queues.history.hours import HOUR_MS, Hour
from queues.holds import Hold
from queues.names import Queue
from queues.policy import Waiting
from tests.support.ops import counted

NOW = 1_767_225_600_000


def test_the_first_page_of_20000_queues_is_below_80_kb() -> None:
    counts = tuple(
        counted(
            Queue(f"brand-{n % 40}", "audience", f"an-audience-of-the-cdp-{n:05}"),
            f"Customers of the year {n:05}",
            waiting=Waiting(n % 99 + 1, NOW - n * 1_000),
            accepted=n % 99 + 1 + n % 7,
            dead=n % 7,
            kept=n % 7,
        )
        for n in range(20_000)
    )
    held = {f"brand-{n}": Hold("unauthenticated", NOW, "Give it a key.", probed=True) for n in range(15)}
    census = Census(NOW, counts, held, NOW, {"a": "idle"})
    hours = [Hour(NOW - n * HOUR_MS, 1_000 + n, n) for n in range(24)][::-1]
    seen, wanted = overview(OverviewData(census, ConnectionsData(), hours)), QueueFilter()
    who = Visitor("ann", Role.ADMIN, csrf="x" * 32)
    shell = {"visitor": who, "csrf": who.csrf, "menu": menu(who), "here": "/", "installation": "production"}
    page = (
        environment()
        .get_template("overview.html")
        .render(
            **shell,
            badges=badges(census, {}),
            seen=seen,
            done=[],
            acts=True,
            origin="https://ferry.example.com",
            wanted=wanted,
            table=table(census, wanted),
            delivered={},
        )
    )
    assert page.count('<tr role="row" id=') == 25
    assert len(page.encode()) < 80_000
