"""Made-up people."""

from __future__ import annotations


def names(n: int, start: int = 0) -> list[str]:
    """Addresses of n people."""
    return [f"p{i}@example.com" for i in range(start, start + n)]
