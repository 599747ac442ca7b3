"""Errors of the alert channels."""

from __future__ import annotations


class ChannelFailed(Exception):
    """A channel did not take a message; the text says why, without any address or secret."""
