"""Checks of the network between this machine and Klaviyo: DNS and TLS."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies

from intake.readiness import Check

_PATIENCE_S = 5.0


def network_checks(base_url: str) -> list[Check]:
    """Check DNS, then TLS. An emulator on this machine needs neither."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return [Check("klaviyo", True, f"{base_url}, on this machine: an emulator, not the real one")]
    if get_environ_proxies(base_url):
        return [Check("network", True, f"{host} is reached through the proxy of the environment")]
    port = parts.port or 443
    name = _name(host, port)
    return [name, _tls(host, port)] if name.ok else [name]


def _name(host: str, port: int) -> Check:
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as fault:
        return Check(
            "dns", False, f"{host} is not found: {fault.strerror}", "correct KLAVIYO_BASE_URL, or this machine's DNS"
        )
    if blocked(host, found):
        remedy = f"remove {host} from the blocklist of the DNS filter, such as Pi-hole or NextDNS"
        return Check("dns", False, f"{host} is {', '.join(sorted(found))}: blocked as a tracker", remedy)
    return Check("dns", True, f"{host} is {', '.join(sorted(found)[:2])}")


def blocked(host: str, addresses: set[str]) -> bool:
    """Return whether a DNS filter answered: it gives an unspecified address, or one of this machine."""
    nowhere = [a for a in map(ipaddress.ip_address, addresses) if a.is_unspecified or a.is_loopback]
    return bool(nowhere) and host != "localhost"


def _tls(host: str, port: int) -> Check:
    try:
        with (
            socket.create_connection((host, port), timeout=_PATIENCE_S) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secured,
        ):
            return Check("tls", True, f"{secured.version()}, certificate is valid")
    except ssl.SSLCertVerificationError as fault:
        remedy = (
            "a proxy or filter may intercept it; exempt Klaviyo there, or trust its certificate with REQUESTS_CA_BUNDLE"
        )
        return Check("tls", False, f"certificate refused: {fault.verify_message}", remedy)
    except ssl.SSLError as fault:
        return Check("tls", False, f"{host} port {port} does not speak TLS: {fault.reason}", "correct KLAVIYO_BASE_URL")
    except OSError as fault:
        remedy = f"let this machine connect to {host} port {port}"
        return Check("tls", False, f"no connection: {fault.strerror or fault}", remedy)
