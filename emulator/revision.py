"""Checks the `revision` header as Klaviyo does."""

from __future__ import annotations

from datetime import date

from emulator.errors import ApiError, Problem, bad_request

EARLIEST = date(2022, 10, 17)
DAYS_SUPPORTED = 731


def check(revision: str | None, opt_out: bool, today: date) -> None:
    """Raise `ApiError` unless the revision is supported.

    A revision is stable for a year and deprecated for another. A retired one falls forward to the oldest supported one,
    unless `opt_out` (the header `X-Klaviyo-Revision-Fall-Forward-Opt-Out: 1`) asks for a 410 instead. Source: Klaviyo,
    API versioning and deprecation policy. Its response to a missing header is not documented; here it is 400.
    """
    day = _day_of(revision)
    if day > today:
        raise bad_request("unable to specify a future revision date", "/data/")
    if day < EARLIEST:
        raise bad_request(f"before the earliest available, use a date after {EARLIEST}", "/data/")
    if opt_out and (today - day).days > DAYS_SUPPORTED:
        raise ApiError(410, Problem("gone", "Gone.", "The revision is retired.", "/data/"))


def _day_of(revision: str | None) -> date:
    if not revision:
        raise bad_request("a revision header is required, such as revision: 2026-07-15", "/data/")
    try:
        return date.fromisoformat(revision.removesuffix(".pre"))
    except ValueError:
        raise bad_request("the revision header must be a date, such as 2026-07-15", "/data/") from None
