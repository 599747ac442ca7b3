"""The common properties of API calls: name, rate limits and the scopes that a key needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from emulator.limits import Quota
from emulator.world import World


class Operation(NamedTuple):
    """One operation of Klaviyo's OpenAPI document."""

    name: str
    quota: Quota
    scopes: tuple[str, ...]


class Calls:
    """The calls of one path; a subclass names the operation of each HTTP method that it supports."""

    operations: ClassVar[Mapping[str, Operation]]

    def __init__(self, world: World) -> None:
        self.world = world
