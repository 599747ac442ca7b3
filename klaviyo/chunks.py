"""Cutting a sequence into requests that stay under Klaviyo's caps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def chunks(
    items: Sequence[Item],
    max_items: int,
    max_bytes: int,
    size: Callable[[Item], int] = len,  # type: ignore[assignment]  # for items that have a length
) -> Iterator[Sequence[Item]]:
    """Consecutive, non-empty parts of `items`, each as long as the caps allow.

    `size(item)` is its length in bytes, one more is counted for the comma. An item larger than `max_bytes`
    gets a part of its own: the caller knows what to do with it.
    """
    start = used = 0
    for index, item in enumerate(items):
        cost = size(item) + 1
        if index > start and (index - start >= max_items or used + cost > max_bytes):
            yield items[start:index]
            start, used = index, 0
        used += cost
    if start < len(items):
        yield items[start:]
