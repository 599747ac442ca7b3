"""`python -m emulator`: serve the emulator in the foreground."""

from __future__ import annotations

import logging

import click

from emulator.server import HOST, JOB_SECONDS, PORT, serve


@click.command()
@click.option("--host", default=HOST, show_default=True)
@click.option("--port", default=PORT, show_default=True, help="0 takes any free port.")
@click.option("--job-seconds", default=JOB_SECONDS, show_default=True, help="How long an import job takes.")
@click.option("--limits-off", is_flag=True, help="Never answer 429 for the rate.")
def main(host: str, port: int, job_seconds: float, limits_off: bool) -> None:
    """Serve a local Klaviyo for staging, tests and demos."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        serve(host, port, job_seconds=job_seconds, limits_off=limits_off)
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror}; choose another --port or end what uses it"
        raise click.ClickException(message) from error


if __name__ == "__main__":
    main()
