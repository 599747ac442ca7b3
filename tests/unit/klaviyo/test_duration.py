"""How long an import job took, whatever Klaviyo writes into its times."""

from __future__ import annotations

import pytest

from klaviyo.imports import duration_ms

BEGAN = "2026-09-04T13:40:00+00:00"


@pytest.mark.parametrize(
    ("created", "completed", "ms"),
    [
        (BEGAN, "2026-09-04T13:40:01.031525+00:00", 1_031),
        (BEGAN, "2026-09-04T15:40:02+02:00", 2_000),
        (BEGAN, "2026-09-04T13:39:59Z", 0),
        (BEGAN, None, None),
        (None, BEGAN, None),
        (BEGAN, "2026-09-04T13:40:01", None),
        (BEGAN, "soon", None),
        (BEGAN, {"at": 1}, None),
    ],
)
def test_it_is_told_where_both_times_can_be_read(created: object, completed: object, ms: int | None) -> None:
    assert duration_ms(created, completed) == ms
