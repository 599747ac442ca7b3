"""The revision of Klaviyo's API that Ferry is written for and tested against."""

from __future__ import annotations

REVISION = "2026-07-15"
#: ISO dates. Klaviyo keeps a revision stable for a year and deprecated for another year (Klaviyo: versioning policy).
DEPRECATED, RETIRED = (f"{int(REVISION[:4]) + years}{REVISION[4:]}" for years in (1, 2))
