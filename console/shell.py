"""What surrounds every page: the menu with its badges, and the name of the installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import falcon.asgi
from redis.exceptions import RedisError

from console.auth.middleware import wants_page
from console.auth.roles import ROUTES, Visitor, visitor
from console.context import AppContext
from ops import status_words as words
from ops.holds import placed_by_person
from queues.census import Census
from queues.queries.records import LastRun
from queues.snapshots.guard import GUARD


class MenuLink(NamedTuple):
    """A link of the menu. `icon`: its drawing (icons.html)."""

    path: str
    name: str
    icon: str


#: The groups of the menu with their pages, in this order; ROUTES decides who sees which.
_MENU: Final = (
    (
        "Delivery",
        (
            MenuLink("/", "Overview", "overview"),
            MenuLink("/retries", "Retries", "retry"),
            MenuLink("/dead", "Dead letters", "letter"),
            MenuLink("/holds", "Holds", "hold"),
        ),
    ),
    (
        "Audiences",
        (
            MenuLink("/queries", "Queries", "clock"),
            MenuLink("/syncs", "Syncs", "sync"),
            MenuLink("/person", "Person lookup", "person"),
            MenuLink("/preview", "Preview", "preview"),
        ),
    ),
    (
        "Installation",
        (
            MenuLink("/connections", "Connections", "plug"),
            MenuLink("/senders", "Senders", "senders"),
            MenuLink("/alerts", "Alerts", "bell"),
            MenuLink("/users", "Users", "users"),
            MenuLink("/audit", "Audit log", "audit"),
        ),
    ),
)


def menu(who: Visitor) -> list[tuple[str, list[MenuLink]]]:
    """Return the groups with the pages that a visitor may see. Pure."""
    groups = ((name, [page for page in pages if _may_see(who, page.path)]) for name, pages in _MENU)
    return [(name, pages) for name, pages in groups if pages]


def _may_see(who: Visitor, path: str) -> bool:
    role = ROUTES.get((path, "GET"))
    return role is not None and bool(who.name) and who.may(role)


@dataclass(frozen=True, slots=True)
class Badge:
    """The number of things on a page that need somebody. `what`: their noun, for screen readers."""

    count: int
    state: str
    what: str


@dataclass(frozen=True, slots=True)
class Shell:
    """What surrounds a page. `badges`: by the path of the page."""

    installation: str = ""
    badges: dict[str, Badge] = field(default_factory=dict)


def badges(census: Census, lasts: Mapping[str, LastRun]) -> dict[str, Badge]:
    """Return the badges of the menu; none for a count of zero. `lasts`: the last run of each query. Pure."""
    free = [count for count in census.queues if not words.is_held(count, census)]
    holds = [*census.holds.values(), *(count.hold for count in census.queues if count.hold)]
    stops = any(not placed_by_person(hold) and hold.reason != GUARD for hold in holds)
    found = {
        "/retries": Badge(sum(words.failed(batch) for count in free for batch in count.batches), "warn", "retries"),
        "/dead": Badge(census.totals.all.kept, "bad", "dead letters"),
        "/holds": Badge(len(holds), "bad" if stops else "warn", "holds"),
        "/queries": Badge(sum(last.went_badly for last in lasts.values()), "bad", "failed queries"),
        "/syncs": Badge(sum(hold.reason == GUARD for hold in holds), "warn", "held syncs"),
    }
    return {path: badge for path, badge in found.items() if badge.count}


class ShellMiddleware:
    """Reads what surrounds a page before the page is made, so that every page, errors too, shows the same menu."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def process_resource(
        self, req: falcon.asgi.Request, _resp: falcon.asgi.Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        """Put the shell into the context of a request for a page."""
        if wants_page(req) and visitor(req).name:
            req.context.shell = Shell(self._context.settings.installation or "", await self._badges())

    async def _badges(self) -> dict[str, Badge]:
        context = self._context
        try:
            lasts = await context.last_runs() if context.settings.queries else {}
            return badges(await context.summary(), lasts)
        except RedisError:
            return {}
