"""The one place that says which revision of Klaviyo's API Ferry is written and tested against."""

from __future__ import annotations

#: Klaviyo keeps a stable revision for a year and a deprecated one for another (Klaviyo: versioning policy).
REVISION = "2026-07-15"
