"""Which client a request comes from: the other end of its connection, or whom a trusted proxy in front names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from settings_checks import LOOPBACK, Network

__all__ = ["LOOPBACK", "Network", "is_trusted", "peer", "peer_of"]

_FORWARDED_FOR: Final = b"x-forwarded-for"
#: Bits of an IPv6 address that stand for one client: a household or a server has 2^64 addresses to choose from.
_CLIENT_BITS: Final = 64


def is_trusted(host: str, trusted: Iterable[Network]) -> bool:
    """Whether an address is that of a trusted proxy."""
    address = _address(host)
    return address is not None and any(address in network for network in trusted)


def peer(host: str, forwarded_for: str, trusted: Iterable[Network]) -> str:
    """The client, in a form to count by: an IPv4 address, or the /64 of an IPv6 one.

    `host`: the other end of the connection. `forwarded_for`: the header X-Forwarded-For, to which each proxy adds whom
    it heard from. It is read from its end, and only as long as trusted proxies wrote it: what stands before that may be
    made up.
    """
    trusted = tuple(trusted)
    hops = [hop.strip() for hop in forwarded_for.split(",")]
    while is_trusted(host, trusted) and hops:
        named = _address(hops.pop())
        if named is None:
            break
        host = str(named)
    return _client(host)


def peer_of(scope: Mapping[str, Any], trusted: Iterable[Network]) -> str:
    """`peer` of an ASGI request."""
    client = scope.get("client")  # None over a Unix socket
    forwarded: list[str] = [value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED_FOR]
    return peer(str(client[0]) if client else "127.0.0.1", ",".join(forwarded), trusted)


def _client(host: str) -> str:
    address = _address(host)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _CLIENT_BITS), strict=False))
    return host[:64] if address is None else str(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it, with a port or in brackets, too."""
    plain = text.strip("[]") if text.count(":") != 1 else text.partition(":")[0]
    plain = plain.partition("]")[0]
    try:
        address = ip_address(plain.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
