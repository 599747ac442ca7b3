"""Everybody on a list, page by page, through any number of waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, Self, TypeVar

from klaviyo.calls import Caller
from klaviyo.endpoints import Endpoint
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import UNEXPECTED

Item = TypeVar("Item")


class Listing(Iterator[Item], Generic[Item]):
    """The items of all pages. What `next` raises ends nothing: asked again, it goes on at the page that did not come.

    So no generator: one that raises is over, and a list of a million people, which is 10,000 pages at 675 a minute,
    would never be read to its end. `cursor`: a listing made with it begins with the first item not yet handed out, or
    up to a page before it; empty at the start.
    """

    def __init__(
        self, call: Caller, endpoint: Endpoint, identifier: str, query: str, read: Callable[[list[Any]], list[Item]]
    ) -> None:
        self._call = call
        self._endpoint = endpoint
        self._identifier = identifier
        self._read = read
        self._items: deque[Item] = deque()
        self._shown = self._following = query
        self._over = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        """The next one. Raises NotAccepted and Throttled, after which it may be asked again."""
        while not self._items:
            if self._over:
                raise StopIteration
            self._turn()
        return self._items.popleft()

    @property
    def cursor(self) -> str:
        """Where to go on, in another process too."""
        return self._shown if self._items else self._following

    def _turn(self) -> None:
        data, following = self._call.page(self._endpoint, self._identifier, self._following)
        items = self._read(data)
        if following == self._following:  # a page that leads to itself would be read for ever
            raise NotAccepted(self._endpoint.name, UNEXPECTED)
        self._items.extend(items)
        self._shown, self._following, self._over = self._following, following or self._following, following is None
