"""The demo's figures."""

from __future__ import annotations

import json

from agentfast.cli.demo.report import DemoReport, Speed, TaskResult


def result(*, right: bool = True, invalid: int = 0, seconds: float = 1.0) -> TaskResult:
    return TaskResult("single", "a prompt", "an answer", right, 1, invalid, seconds)


def test_the_report_counts_right_answers_and_invalid_calls() -> None:
    results = [result(), result(right=False, invalid=2), result(seconds=3), result(seconds=2)]
    report = DemoReport.of(2, results, Speed(4.0, 1.5, 3.25))
    assert (report.tasks, report.success, report.invalid_calls) == (4, 0.75, 2)
    assert (report.p50_s, report.p95_s) == (1.0, 3.0)


def test_the_json_line_has_the_promised_keys_in_order() -> None:
    line = DemoReport.of(1, [result()], Speed(1, 1, 1)).json_line()
    assert list(json.loads(line)) == [
        "agents",
        "tasks",
        "success",
        "invalid_calls",
        "p50_s",
        "p95_s",
        "tokens_per_forward",
        "mean_batch_rows",
        "steps_per_canvas",
    ]
    assert "\n" not in line
