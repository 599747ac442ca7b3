"""The memory of what was done a moment ago has an end, in time and in size."""

from __future__ import annotations

from intake.audiences import TTLCache


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_an_entry_is_forgotten_after_its_time() -> None:
    clock = Clock()
    recent: TTLCache[str, int] = TTLCache(holds=300.0, clock=clock)
    recent.put("a", 1)
    clock.now += 300.0
    assert recent.get("a") == 1
    clock.now += 0.001
    assert recent.get("a") is None


def test_putting_an_entry_again_renews_it() -> None:
    clock = Clock()
    recent: TTLCache[str, int] = TTLCache(holds=300.0, clock=clock)
    recent.put("a", 1)
    clock.now += 200.0
    recent.put("a", 2)
    clock.now += 200.0
    assert recent.get("a") == 2


def test_the_oldest_entry_goes_when_it_is_full() -> None:
    recent: TTLCache[str, int] = TTLCache(most=2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.put("a", 3)
    recent.put("c", 4)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (3, None, 4)
    assert len(recent) == 2
