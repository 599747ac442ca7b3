"""What can go wrong when alerts are told."""

from __future__ import annotations


class ChannelFailed(Exception):
    """A channel did not take a message; the message says why, without any address or secret."""
