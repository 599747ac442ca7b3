"""Checks TCP ports of this machine."""

from __future__ import annotations

import errno
import socket

from ops.errors import Failed


def check_free(host: str, port: int, option: str) -> None:
    """Raise Failed if the port cannot be listened on; `option`: the option for choosing another."""
    try:
        socket.create_server((host, port), family=_family(host)).close()
    except OSError as fault:
        if fault.errno == errno.EADDRINUSE:
            raise Failed(f"port {port} on {host} is in use by another process; choose another with {option}") from fault
        raise Failed(f"cannot listen on {host} port {port}: {fault.strerror}; correct --host or {option}") from fault


def any_free(host: str = "127.0.0.1") -> int:
    """Return a port that is free now."""
    with socket.create_server((host, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def answers(host: str, port: int) -> bool:
    """Return whether a process listens on the port."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # to connect to, not to bind
    try:
        socket.create_connection((local, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
