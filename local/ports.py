"""TCP ports of this machine: is one free, does somebody answer."""

from __future__ import annotations

import errno
import socket

from ops.errors import Failed


def check_free(host: str, port: int, option: str) -> None:
    """Raises Failed when nothing could listen on the port; `option` is what chooses another."""
    try:
        socket.create_server((host, port), family=_family(host)).close()
    except OSError as fault:
        if fault.errno == errno.EADDRINUSE:
            raise Failed(f"port {port} on {host} is taken by another process; choose another with {option}") from fault
        raise Failed(f"cannot listen on {host} port {port}: {fault.strerror}; correct --host or {option}") from fault


def any_free(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with socket.create_server((host, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def answers(host: str, port: int) -> bool:
    """Whether somebody listens."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # where it is reached, not bound
    try:
        socket.create_connection((local, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
