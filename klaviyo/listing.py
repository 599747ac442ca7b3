"""A listing of all people on a list, page by page, that survives any number of waits."""

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
    """The items of all pages. After `next` raises, it can be called again and continues at the page that failed.

    A generator cannot do this: it ends when it raises, and a list of a million people, 10,000 pages at 675 a minute,
    would never be read completely. `cursor`: a listing created with it begins at the first item not yet returned, or
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
        """Return the next item. Raises NotAccepted and Throttled; it may be called again afterwards."""
        while not self._items:
            if self._over:
                raise StopIteration
            self._turn()
        return self._items.popleft()

    @property
    def cursor(self) -> str:
        """Where to continue, also in another process."""
        return self._shown if self._items else self._following

    def _turn(self) -> None:
        data, following = self._call.page(self._endpoint, self._identifier, self._following)
        items = self._read(data)
        if following == self._following:  # a page that links to itself would be read forever
            raise NotAccepted(self._endpoint.name, UNEXPECTED)
        self._items.extend(items)
        self._shown, self._following, self._over = self._following, following or self._following, following is None
