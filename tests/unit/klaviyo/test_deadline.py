"""However slowly the other side sends or reads, an exchange with Klaviyo ends by its deadline."""

from __future__ import annotations

import datetime
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from klaviyo.holds import certificate_refused
from klaviyo.http import Reply, Transport
from klaviyo.outcomes import Retry
from tests.support.waiting import apart

KEY = "pk_canary0123456789"
CUT = Retry(None, counts=False, why="network:deadline")

Handler = Callable[[socket.socket], None]


@contextmanager
def server(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server on loopback whose one conversation is `handler`. Its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            # The client hangs up in the middle of most of these conversations: that is what they are about.
            try:
                with tls.wrap_socket(connection, server_side=True) if tls else connection as conversation:
                    handler(conversation)
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(60)
        assert not thread.is_alive()


def read_request(connection: socket.socket, pause: float = 0.0) -> None:
    """Read a whole request, `pause` seconds between one piece and the next."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += receive(connection, 1)
    length = re.search(rb"Content-Length: (\d+)", head)
    left = int(length[1]) if length else 0
    while left > 0:
        left -= len(receive(connection, min(left, 400_000)))
        apart(pause)


def receive(connection: socket.socket, most: int) -> bytes:
    data = connection.recv(most)
    if not data:
        raise ConnectionResetError
    return data


def drip(opening: bytes, drop: bytes) -> Handler:
    """Answer with `opening` and then `drop` for ever: each drop is in time, the whole never is."""

    def handler(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(opening)
        while True:
            connection.sendall(drop)
            apart(0.05)

    return handler


@pytest.mark.parametrize(
    ("opening", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\nX-Header: ", b"x"),
        (b"", b"H"),
    ],
    ids=["body", "body-without-length", "chunks", "chunk-head", "headers", "status-line"],
)
def test_a_dripping_answer_ends_by_the_deadline(opening: bytes, drop: bytes) -> None:
    with server(drip(opening, drop)) as url:
        transport = Transport(url, KEY, timeout_s=(5, 5), total_s=0.4)
        began = time.monotonic()
        assert transport.send("GET", "/api/lists") == CUT
        assert 0.3 < time.monotonic() - began < 20
        transport.close()


def test_a_kept_connection_is_cut_as_well() -> None:
    dripping = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"x")

    def first_well_then_badly(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        dripping(connection)

    with server(first_well_then_badly) as url:
        transport = Transport(url, KEY, timeout_s=(5, 5), total_s=1)
        assert isinstance(transport.send("GET", "/api/lists"), Reply)
        began = time.monotonic()
        assert transport.send("GET", "/api/lists") == CUT
        assert time.monotonic() - began < 20
        transport.close()


def test_an_upload_that_is_read_in_drops_ends_by_the_deadline() -> None:
    # A little at a time keeps every block inside the socket's own timeout.
    with server(lambda connection: read_request(connection, pause=0.05)) as url:
        transport = Transport(url, KEY, timeout_s=(5, 5), total_s=0.4)
        began = time.monotonic()
        assert transport.send("POST", "/api/profile-bulk-import-jobs", body=b"x" * 50_000_000) == CUT
        assert time.monotonic() - began < 6
        transport.close()


def test_a_slow_upload_may_take_longer_than_the_timeout_of_one_block() -> None:
    def slowly(connection: socket.socket) -> None:
        read_request(connection, pause=0.05)
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}")

    with server(slowly) as url:
        transport = Transport(url, KEY, timeout_s=(0.5, 5), total_s=30)
        began = time.monotonic()
        reply = transport.send("POST", "/api/profile-bulk-import-jobs", body=b"x" * 12_000_000)
        assert time.monotonic() - began > 1
        transport.close()
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body) == (202, b"{}")


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with server(read_request, own_certificate(tmp_path)) as url:
        transport = Transport(url, KEY)
        assert transport.send("GET", "/api/lists") == certificate_refused()
        transport.close()


def drip_one_record(connection: socket.socket) -> None:
    """Answer with a TLS record that never ends. An incomplete record cannot be decrypted."""
    read_request(connection)
    socket.socket.sendall(connection, b"\x17\x03\x03\x40\x00")
    while True:
        socket.socket.sendall(connection, b"x")
        apart(0.05)


@pytest.mark.parametrize(
    "handler",
    [drip(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"x"), drip_one_record],
    ids=["records", "one-record"],
)
def test_a_dripping_answer_over_tls_ends_by_the_deadline(
    handler: Handler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = own_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    with server(handler, context) as url:
        transport = Transport(url, KEY, timeout_s=(5, 5), total_s=0.6)
        began = time.monotonic()
        assert transport.send("GET", "/api/lists") == CUT
        assert 0.5 < time.monotonic() - began < 20
        transport.close()


def own_certificate(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate for 127.0.0.1 that it signed itself, left in `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
