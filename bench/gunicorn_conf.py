"""gunicorn's settings for the plain way: a process for each core of the benchmark machine, and 16 threads in each."""

from __future__ import annotations

workers = 2
worker_class = "gthread"
threads = 16
keepalive = 75
