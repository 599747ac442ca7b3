"""Render the pages: Jinja2 templates of this package with autoescaping, in which a missing name is an error."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import falcon.asgi
from jinja2 import Environment, PackageLoader, StrictUndefined

from console.auth.roles import ROUTES, Visitor, visitor
from console.static_files import url_of
from text.wording import moment, number, plural, span

#: Addresses and names in the menu of every page, in this order; ROUTES decides who sees which.
_MENU: Final = (
    ("/", "Queues"),
    ("/holds", "Holds"),
    ("/dead", "Dead letters"),
    ("/person", "Person lookup"),
    ("/audit", "Audit log"),
)


@cache
def environment() -> Environment:
    """Return the template environment. Filters: `span` (ms), `moment` (ms), `number`. Functions: `plural`, `static`."""
    made = Environment(
        loader=PackageLoader("console"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(span=span, moment=moment, number=number)
    made.globals.update(plural=plural, static=url_of)
    return made


def text(req: falcon.asgi.Request, template: str, **values: Any) -> str:
    """Render a template as HTML. It gets `values`, `visitor`, `csrf` (a token), `menu` and `here` (the path)."""
    who = visitor(req)
    given = {"visitor": who, "csrf": who.csrf, "menu": menu(who), "here": req.path}
    return environment().get_template(template).render(given | values)


def page(req: falcon.asgi.Request, resp: falcon.asgi.Response, template: str, **values: Any) -> None:
    """Answer with a rendered template; see `text`."""
    resp.content_type = "text/html;charset=utf-8"
    resp.text = text(req, template, **values)


def menu(who: Visitor) -> list[tuple[str, str]]:
    """Return the pages that a visitor may see, as (path, name)."""
    shown = ((path, ROUTES.get((path, "GET")), name) for path, name in _MENU)
    return [(path, name) for path, role, name in shown if role is not None and who.name and who.may(role)]
