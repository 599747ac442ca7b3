"""gunicorn for the plain way: as many processes as the machine of the benchmark has cores, threads for each sender."""

from __future__ import annotations

workers = 2
worker_class = "gthread"
threads = 16
keepalive = 75
