"""Checks of the sources of queries: each is tried, and its user's rights are asked for."""

from __future__ import annotations

from configuration.queries import DataSource
from configuration.settings import Settings
from intake.readiness import Check
from sources.errors import SourceError
from sources.probe import probe


def source_checks(settings: Settings) -> list[Check]:
    """Return a check for each source of connections.toml."""
    return [_check(source) for source in settings.sources]


def _check(source: DataSource) -> Check:
    name = f"source {source.name}"
    try:
        warnings = probe(source)
    except SourceError as fault:
        return Check(name, False, f"{fault.code.replace('_', ' ')} {fault.detail}".strip(), fault.remedy)
    return Check(name, True, "can be read", "; ".join(warnings))
