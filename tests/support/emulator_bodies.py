"""What the emulator finds wrong with a body, without HTTP."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from emulator.contract import REVISED, contract
from emulator.rules import About

NOW = 1_800_000_000.0
REGIONS = frozenset({"US", "CA", "GB"})
IMPORT = "POST /api/profile-bulk-import-jobs"
CREATE = "POST /api/profiles"
UPDATE = "PATCH /api/profiles/{id}"
UPSERT = "POST /api/profile-import"


def problems(
    call: str, data: Any, *, revision: date = REVISED, about: About | None = None, lists: Collection[str] = ()
) -> list[tuple[str, str]]:
    """Pointer below `/data` and text of each problem with the body `{"data": data}` of a call."""
    check = contract(revision).operations[call].body
    assert check is not None
    found = list(check({"data": data}, about or About(NOW, REGIONS, lists)))
    assert all(pointer.startswith("/data") for pointer, _ in found)
    return [(pointer.removeprefix("/data"), problem) for pointer, problem in found]


def pointers(call: str, data: Any, **more: Any) -> list[str]:
    """The pointers of the problems."""
    return [pointer for pointer, _ in problems(call, data, **more)]
