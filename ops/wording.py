"""The words of the house (wording.py), as the commands and pages use them."""

from __future__ import annotations

from wording import called, clock, moment, number, plural, span

__all__ = ["called", "clock", "moment", "number", "plural", "span"]
