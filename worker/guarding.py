"""Guarding: a change that no mapping can read stops itself only."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import TypeVar

from mappings.errors import Rejected
from worker.errors import INTERRUPTIONS
from worker.progress import Rejection

log = logging.getLogger(__name__)
Made = TypeVar("Made")


def guarded(make: Callable[[], Made], where: str) -> Made | Rejection:
    """What `make` makes; the reason where it fails, whatever the fault. `where` the changes stand: for the log."""
    try:
        return make()
    except Rejected as fault:
        return Rejection(fault.reason, {"field": fault.field, "detail": fault.detail})
    except INTERRUPTIONS:
        raise
    except Exception as fault:  # noqa: BLE001  # a person our rules fail on must not stop the others of the batch
        # Without the fault's own words, which may hold a value of the person.
        place = traceback.extract_tb(fault.__traceback__)[-1]
        what = f"{type(fault).__name__} in {place.name}, line {place.lineno}"
        log.error("%s: a mapping failed (%s); the person is rejected", where, what)  # noqa: TRY400
        return Rejection("mapping_failed", {"detail": what})
