"""`ferry emulator`: run a local Klaviyo."""

from __future__ import annotations

import click

from emulator.server import HOST, JOB_SECONDS, PORT, serve
from local import ports
from logs import setup


@click.command()
@click.option("--host", default=HOST, show_default=True, help="Address to listen on.")
@click.option("--port", default=PORT, show_default=True, help="Port to listen on; 0 takes any free one.")
@click.option("--job-seconds", default=JOB_SECONDS, show_default=True, help="How long an import job takes.")
@click.option("--limits-off", is_flag=True, help="Do not enforce rate limits (429).")
def emulator(host: str, port: int, job_seconds: float, limits_off: bool) -> None:
    """Run a local Klaviyo.

    For trials without a real account. It keeps everything in memory. Point Ferry at it with KLAVIYO_BASE_URL and any
    key that starts with pk_.

    \b
    Examples:
      ferry emulator --port 9400 --job-seconds 0.5
    """
    setup.configure("emulator")
    ports.check_free(host, port, "--port")
    serve(host, port, job_seconds=job_seconds, limits_off=limits_off)
