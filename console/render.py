"""Render the pages: Jinja2 templates of this package with autoescaping, in which a missing name is an error."""

from __future__ import annotations

import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import falcon.asgi
from jinja2 import Environment, PackageLoader, StrictUndefined

from console.auth.roles import visitor
from console.shell import Shell, menu
from console.static_files import url_of
from klaviyo.revision import REVISION
from text.wording import day_and_time, duration, moment, ms_of, number, plural, until


@cache
def environment() -> Environment:
    """Return the template environment.

    Filters: `duration`, `until`, `moment`, `when` (all of ms), `ms` (of a moment), `number`. Functions:
    `plural`, `static`.
    """
    made = Environment(
        loader=PackageLoader("console"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(duration=duration, until=until, moment=moment, ms=ms_of, when=_when, number=number)
    made.globals.update(plural=plural, static=url_of, version=_version(), revision=REVISION)
    return made


def _when(ms: int) -> str:
    """Return a time beside today's; the page's script writes it in the time zone of the browser."""
    return day_and_time(ms, round(time.time() * 1000))


def _version() -> str:
    try:
        return version("ferry-klaviyo")
    except PackageNotFoundError:
        return "from source"


def text(req: falcon.asgi.Request, template: str, **values: Any) -> str:
    """Render a template as HTML. It gets `values`, `visitor`, `csrf` (a token), `here` (the path), and the shell's."""
    who = visitor(req)
    shell = req.context.get("shell") or Shell()
    given = {"visitor": who, "csrf": who.csrf, "menu": menu(who), "here": req.path}
    given |= {"installation": shell.installation, "badges": shell.badges}
    return environment().get_template(template).render(given | values)


def page(req: falcon.asgi.Request, resp: falcon.asgi.Response, template: str, **values: Any) -> None:
    """Answer with a rendered template; see `text`."""
    resp.content_type = "text/html;charset=utf-8"
    resp.text = text(req, template, **values)
