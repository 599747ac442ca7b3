"""What is raised for settings that cannot be used. Imports nothing, so that `ferry --help` stays quick."""

from __future__ import annotations


class SettingsError(ValueError):
    """A setting cannot be used; the message names it, the problem and an example."""
