"""Who may do what: one table of all addresses of the console, which the middleware enforces and the tests read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import falcon.asgi

from queues.users import Role

__all__ = ["NOBODY", "ROUTES", "Role", "Visitor", "methods", "visitor"]

#: (template of the address, method) -> the lowest role. Any other address or method is refused to everybody.
ROUTES: Final[dict[tuple[str, str], Role]] = {
    ("/", "GET"): Role.VIEWER,
    ("/sign-in", "GET"): Role.NOBODY,
    ("/sign-in", "POST"): Role.NOBODY,
    ("/sign-out", "POST"): Role.VIEWER,
    ("/static/{name}", "GET"): Role.NOBODY,
    ("/audit", "GET"): Role.OPERATOR,
    ("/holds", "GET"): Role.VIEWER,
    ("/flush", "GET"): Role.OPERATOR,
    ("/flush", "POST"): Role.OPERATOR,
    ("/queues/{connection}/{kind}/{target}", "GET"): Role.VIEWER,
    ("/queues/{connection}/{kind}/{target}/flush", "GET"): Role.OPERATOR,
    ("/queues/{connection}/{kind}/{target}/flush", "POST"): Role.OPERATOR,
    ("/queues/{connection}/{kind}/{target}/hold", "GET"): Role.OPERATOR,
    ("/queues/{connection}/{kind}/{target}/hold", "POST"): Role.OPERATOR,
    ("/queues/{connection}/{kind}/{target}/release", "GET"): Role.OPERATOR,
    ("/queues/{connection}/{kind}/{target}/release", "POST"): Role.OPERATOR,
    ("/queues/{connection}/{kind}/{target}/retry", "POST"): Role.OPERATOR,
    ("/retries", "GET"): Role.VIEWER,
    ("/syncs", "GET"): Role.VIEWER,
    ("/syncs/{snapshot}/rejected.csv", "GET"): Role.VIEWER,
    ("/queries", "GET"): Role.VIEWER,
    ("/queries/{query}", "GET"): Role.VIEWER,
    ("/queries/{query}/run", "POST"): Role.OPERATOR,
    ("/queries/{query}/cancel", "POST"): Role.OPERATOR,
    ("/queries/{query}/pause", "POST"): Role.OPERATOR,
    ("/queries/{query}/resume", "POST"): Role.OPERATOR,
    ("/queries/{query}/runs/{run}", "GET"): Role.VIEWER,
    ("/queries/{query}/runs/{run}", "POST"): Role.ADMIN,
    ("/queries/{query}/runs/{run}/people.csv", "GET"): Role.ADMIN,
    ("/senders", "GET"): Role.VIEWER,
    ("/alerts", "GET"): Role.VIEWER,
    ("/alerts/test", "POST"): Role.OPERATOR,
    ("/users", "GET"): Role.ADMIN,
    ("/users", "POST"): Role.ADMIN,
    ("/users/{user}/role", "POST"): Role.ADMIN,
    ("/users/{user}/remove", "GET"): Role.ADMIN,
    ("/users/{user}/remove", "POST"): Role.ADMIN,
    ("/preview", "GET"): Role.ADMIN,
    ("/preview", "POST"): Role.ADMIN,
    ("/connections", "GET"): Role.VIEWER,
    ("/connections/add", "GET"): Role.ADMIN,
    ("/connections/add", "POST"): Role.ADMIN,
    ("/connections/{connection}/key", "GET"): Role.ADMIN,
    ("/connections/{connection}/key", "POST"): Role.ADMIN,
    ("/connections/{connection}/undo-key", "GET"): Role.ADMIN,
    ("/connections/{connection}/undo-key", "POST"): Role.ADMIN,
    ("/connections/{connection}/test", "POST"): Role.OPERATOR,
    ("/connections/{connection}/hold", "GET"): Role.OPERATOR,
    ("/connections/{connection}/hold", "POST"): Role.OPERATOR,
    ("/connections/{connection}/release", "GET"): Role.OPERATOR,
    ("/connections/{connection}/release", "POST"): Role.OPERATOR,
    ("/dead", "GET"): Role.VIEWER,
    ("/dead.csv", "GET"): Role.VIEWER,
    ("/dead/replay", "GET"): Role.OPERATOR,
    ("/dead/replay", "POST"): Role.OPERATOR,
    ("/dead/{connection}/{kind}/{target}/{letter}", "GET"): Role.VIEWER,
    ("/dead/{connection}/{kind}/{target}/{letter}/confirm", "GET"): Role.ADMIN,
    ("/dead/{connection}/{kind}/{target}/{letter}/confirm", "POST"): Role.ADMIN,
    ("/person", "GET"): Role.ADMIN,
    ("/person", "POST"): Role.ADMIN,
    ("/metrics", "GET"): Role.VIEWER,
    ("/v1/queues", "GET"): Role.VIEWER,
    ("/v1/queues/{connection}/{kind}/{target}", "GET"): Role.VIEWER,
    ("/v1/queues/{connection}/{kind}/{target}/flush", "POST"): Role.OPERATOR,
    ("/v1/queues/{connection}/{kind}/{target}/hold", "POST"): Role.OPERATOR,
    ("/v1/queues/{connection}/{kind}/{target}/release", "POST"): Role.OPERATOR,
    ("/v1/queries", "GET"): Role.VIEWER,
    ("/v1/queries/{query}", "GET"): Role.VIEWER,
    ("/v1/queries/{query}/runs", "GET"): Role.VIEWER,
    ("/v1/queries/{query}/run", "POST"): Role.OPERATOR,
    ("/v1/queries/{query}/pause", "POST"): Role.OPERATOR,
    ("/v1/queries/{query}/resume", "POST"): Role.OPERATOR,
    ("/v1/flush", "POST"): Role.OPERATOR,
    ("/v1/holds", "GET"): Role.VIEWER,
    ("/v1/connections", "GET"): Role.VIEWER,
    ("/v1/connections/{connection}/hold", "POST"): Role.OPERATOR,
    ("/v1/connections/{connection}/release", "POST"): Role.OPERATOR,
    ("/v1/dead", "GET"): Role.VIEWER,
    ("/v1/dead/{connection}/{kind}/{target}/{letter}", "GET"): Role.VIEWER,
    ("/v1/dead/{connection}/{kind}/{target}/{letter}/confirm", "POST"): Role.ADMIN,
    ("/v1/dead/replay", "POST"): Role.OPERATOR,
    ("/v1/audit", "GET"): Role.OPERATOR,
    ("/openapi.json", "GET"): Role.NOBODY,
    ("/docs", "GET"): Role.NOBODY,
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """The sender of a request. `via`: by session cookie or bearer token. `csrf`: the session's token for its forms."""

    name: str
    role: Role
    via: Literal["web", "api"] = "web"
    csrf: str = ""

    @property
    def who(self) -> str:
        """The user as the audit log shows them."""
        return f"{self.via}:{self.name}"

    def may(self, role: Role) -> bool:
        """Return whether the visitor may do what needs `role`."""
        return self.role >= role


NOBODY: Final = Visitor("", Role.NOBODY)


def visitor(req: falcon.asgi.Request) -> Visitor:
    """Return the sender of a request, stored by the middleware; NOBODY at addresses open to all."""
    return req.context.get("visitor") or NOBODY


def methods(template: str) -> list[str]:
    """Return the methods of an address; empty for one that is not in the table."""
    return sorted(method for path, method in ROUTES if path == template)
