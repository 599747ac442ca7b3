"""What can go wrong in a run of the benchmarks."""

from __future__ import annotations


class BenchError(Exception):
    """The benchmarks cannot be run, or what they saw makes no sense; the message says what and what to do."""
