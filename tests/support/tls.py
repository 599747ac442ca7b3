"""TLS in front of a server, with a certificate that nobody signed, as Heroku's key-value store has."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def self_signed(folder: Path, *names: str) -> Path:
    """A certificate for 127.0.0.1, or for names instead, and its key, in one file."""
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    meant: list[x509.GeneralName] = [x509.DNSName(name) for name in names] or [here]
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "store")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(meant), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file = folder / "server.pem"
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass everything on until one side ends, or is killed."""
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def close(*writers: asyncio.StreamWriter) -> None:
    """Close without waiting for the other side, which may be killed: an open transport would outlive the loop."""
    for writer in writers:
        writer.transport.abort()
    await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


async def _end(server: asyncio.Server) -> None:
    server.close()
    relays = asyncio.all_tasks() - {asyncio.current_task()}
    for task in relays:
        task.cancel()
    await asyncio.gather(*relays, return_exceptions=True)


@contextmanager
def secured(redis_url: str, folder: Path, *names: str) -> Iterator[int]:
    """A port that speaks TLS for the server on its socket. `folder`: for the certificate; `names`: in it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(folder, *names))
    loop = asyncio.new_event_loop()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(redis_url.removeprefix("unix://"))
        try:
            await asyncio.gather(copy(reader, back), copy(there, writer), return_exceptions=True)
            await asyncio.wait({asyncio.create_task(end.wait_closed()) for end in (writer, back)}, timeout=5)
        finally:
            await close(writer, back)

    server = loop.run_until_complete(asyncio.start_server(relay, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    asyncio.run_coroutine_threadsafe(_end(server), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    loop.close()
