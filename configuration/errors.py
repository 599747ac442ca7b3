"""The error for invalid settings. Imports nothing, so that `ferry --help` stays fast."""

from __future__ import annotations


class SettingsError(ValueError):
    """A setting is invalid; the message names it, the problem and an example."""
