from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.pages.day_chart import day_chart, scale
from queues.history.hours import HOUR_MS, TOLD, Hour

NOW = 1_767_225_600_000  # 2026-01-01, midnight


def day(**changes: tuple[int, int]) -> list[Hour]:
    """A day that ends now: `h3=(5, 1)`, five delivered and one dead in its fourth hour."""
    figures = {int(name[1:]): pair for name, pair in changes.items()}
    return [Hour(NOW + (index - TOLD + 1) * HOUR_MS, *figures.get(index, (0, 0))) for index in range(TOLD)]


def test_a_column_has_its_figures_in_words_and_the_totals_are_beside_the_chart() -> None:
    chart = day_chart(day(h0=(50, 0), h22=(1_234, 3)))
    assert (chart.delivered, chart.dead) == (1_284, 3)
    assert chart.columns[0].title == "01:00 to 02:00 UTC: 50 delivered"
    assert chart.columns[22].title == "23:00 to 00:00 UTC: 1,234 delivered, 3 dead letters"


def test_the_axis_begins_at_zero_and_has_times_every_three_hours_with_the_day_at_midnight() -> None:
    chart = day_chart(day(h0=(3_400, 0)))
    assert chart.lines == [(0, 100.0), (1_000, 75.0), (2_000, 50.0), (3_000, 25.0), (4_000, 0.0)]
    assert [text for _, text, _ in chart.times] == ["03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]
    later = [Hour(hour.begins + 2 * HOUR_MS, 0, 0) for hour in day()]
    assert "Thu 00:00" in [text for _, text, _ in day_chart(later).times]


@given(st.integers(0, 10**9))
def test_grid_lines_are_few_and_the_highest_is_never_below_the_figures(most: int) -> None:
    step, top = scale(most)
    assert top >= most
    assert 3 <= top // step <= 4
    assert str(step).rstrip("0") in ("1", "2", "5")


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=TOLD, max_size=TOLD))
def test_no_column_leaves_the_drawing_and_none_is_too_small_to_be_seen(figures: list[tuple[int, int]]) -> None:
    hours = [Hour(NOW + index * HOUR_MS, *pair) for index, pair in enumerate(figures)]
    for column, hour in zip(day_chart(hours).columns, hours, strict=True):
        assert column.delivered + column.dead <= 100.01
        assert column.y - column.dead >= -0.01
        assert 0 <= column.x < column.x + column.width <= 100
        if hour.dead:
            assert column.dead >= 2
        if hour.delivered and hour.dead < 10**6:
            assert column.delivered > 0
