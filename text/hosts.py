"""Whether a host is this very machine: what never leaves it needs no https."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Of a name or an address without a port: `localhost`, `x.localhost` (RFC 6761), 127.0.0.0/8 and ::1."""
    try:
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
