"""The one place that says which revision of Klaviyo's API Ferry is written and tested against."""

from __future__ import annotations

REVISION = "2026-07-15"
#: ISO days. Klaviyo keeps a stable revision for a year and a deprecated one for another (Klaviyo: versioning policy).
DEPRECATED, RETIRED = (f"{int(REVISION[:4]) + years}{REVISION[4:]}" for years in (1, 2))
