"""The error of the benchmarks."""

from __future__ import annotations


class BenchError(Exception):
    """The benchmarks cannot run, or a result is implausible; the message says what happened and what to do."""
