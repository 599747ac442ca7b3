"""Whether a host is this machine: traffic that never leaves it needs no https."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host without a port is `localhost`, `x.localhost` (RFC 6761), in 127.0.0.0/8 or ::1."""
    try:
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
