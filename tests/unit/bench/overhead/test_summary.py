"""Tests of bench.overhead.summary: medians, ranges, and the table."""

from __future__ import annotations

from bench.overhead.summary import FIGURES, Figure, medians, summed_up, table


def test_a_figure_is_the_median_with_its_range() -> None:
    assert str(Figure.of([0.3, 0.1, 0.2])) == "0.2 (0.1-0.3)"
    assert str(Figure.of([2412.4, 2390.0])) == "2401 (2390-2412)"


def test_the_table_has_a_row_for_each_figure_and_a_column_for_each_framework() -> None:
    figures = summed_up(
        [dict.fromkeys(FIGURES, 1.0), dict.fromkeys(FIGURES, 3.0), dict.fromkeys(FIGURES, 1.5)]
    )
    lines = table({"one": figures, "two": figures}).splitlines()
    assert lines[:3] == [
        "| median (range) | one | two |",
        "|---|---|---|",
        "| CPU ms per step, 3 steps | 1.5 (1-3) | 1.5 (1-3) |",
    ]
    assert len(lines) == 2 + len(FIGURES)
    assert set(medians(figures).values()) == {1.5}
