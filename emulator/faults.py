"""Faults ordered by tests: the next matching calls are refused, cut off, slowed down or lost."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from emulator import errors
from emulator.errors import ApiError

FaultName = Literal[
    "400",
    "400_list",
    "401",
    "403",
    "429",
    "500",
    "503_html",
    "403_html",
    "reset",
    "slow_body",
    "stall",
    "lost_response",
]

HTML = {
    "503_html": (503, "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>", {}),
    "403_html": (403, "<html><head><title>Just a moment...</title></head></html>", {"cf-mitigated": "challenge"}),
}


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The matching calls, by method, start of the path (a prefix or a regular expression) and part of the body."""

    method: str | None = None
    path: str = ""
    body: str = ""

    def __post_init__(self) -> None:
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path is not a valid regular expression: {error}") from None


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order to play `fault` for the next `times` matching calls.

    `retry_after` (429) is sent unchanged, a number or a date; `seconds`: how long `slow_body` takes to send the
    response, and `stall` delays it.
    """

    fault: FaultName
    match: Match = Match()
    times: Annotated[int, msgspec.Meta(ge=1)] = 1
    retry_after: int | float | str = 1
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 1.0

    def refusal(self) -> ApiError | None:
        """Return the error response; None if the fault is of another kind."""
        match self.fault:
            case "400":
                return errors.bad_payload()
            case "400_list":
                return errors.bad_request("List ID XXXXXX does not exist.")
            case "401":
                return errors.authentication_failed()
            case "403":
                return errors.permission_denied("The API key may not do this.")
            case "429":
                seconds = self.retry_after if isinstance(self.retry_after, (int, float)) else 1
                return errors.throttled(int(seconds), str(self.retry_after))
            case "500":
                return errors.server_error()
        return None


class Faults:
    """The orders still to be played, oldest first."""

    def __init__(self) -> None:
        self._orders: list[Fault] = []

    def order(self, fault: Fault) -> None:
        """Add an order."""
        self._orders.append(fault)

    def ordered(self) -> bool:
        """Return whether an order is still to be played."""
        return bool(self._orders)

    def take(self, method: str, path: str, body: bytes) -> Fault | None:
        """Return the first order that matches the call, and use up one of its times."""
        for index, fault in enumerate(self._orders):
            if _matches(fault.match, method, path, body):
                left = msgspec.structs.replace(fault, times=fault.times - 1) if fault.times > 1 else None
                self._orders[index : index + 1] = [left] if left else []
                return fault
        return None


def _matches(match: Match, method: str, path: str, body: bytes) -> bool:
    return match.method in (None, method) and re.match(match.path, path) is not None and match.body.encode() in body
