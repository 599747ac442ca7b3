"""Settings that a worker process reads once and its deliveries inherit."""

from __future__ import annotations

from functools import cache

from configuration import settings
from configuration.settings import Settings


@cache
def settings_of_process() -> Settings:
    """Return the settings, read in the worker before it forks. Raises SettingsError."""
    return settings.load()
