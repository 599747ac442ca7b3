"""Pages as a person uses them: what is written on one, and its forms, filled in and sent by a button."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


@dataclass
class Form:
    """A form. `buttons`: what stands on each -> its name and value, empty for a button without them."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._button: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", ""), given.get("method", "get")))
        elif tag == "input" and "name" in given and given.get("type") != "checkbox":
            self.found[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "button" and given.get("type") != "button":
            self._button = given.get("name", ""), given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            self.found[-1].buttons[data.strip()] = self._button
            self._button = None


def said(page: str) -> str:
    """The text of a page, as a person reads it."""
    return " ".join(re.sub(r"<[^>]*>", " ", page.partition('<main id="main">')[2]).split())


def buttons(page: str) -> list[str]:
    """What stands on the buttons of a page, without that of signing out."""
    return [button for each in _forms(page) for button in each.buttons if button != "Sign out"]


def press(
    browser: requests.Session, answer: requests.Response, button: str, **filled: str | list[str]
) -> requests.Response:
    """Fill in the form of a page that has this button, send it, and go where that leads. A list: boxes to be ticked."""
    (form,) = [each for each in _forms(answer.text) if button in each.buttons]
    name, value = form.buttons[button]
    sent = {**form.fields, **filled, **({name: value} if name else {})}
    url = urljoin(answer.url, form.action) if form.action else answer.url
    if form.method == "get":
        return browser.get(url, params=sent, timeout=60)
    return browser.post(url, sent, timeout=60)


def _forms(page: str) -> list[Form]:
    reader = _Forms()
    reader.feed(page)
    return reader.found
