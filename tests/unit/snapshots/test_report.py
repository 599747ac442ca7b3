"""What reading a snapshot found out, however many names a body has."""

from __future__ import annotations

from snapshots.report import ReadReport


def test_a_report_stays_small_when_each_row_has_another_name() -> None:
    report = ReadReport()
    for number in range(1_000):
        report.use(f"column{number}", "property")
        report.leave_out(f"field{number}", "attribute_unsupported")
    report.leave_out("field7", "attribute_unsupported")
    report.leave_out("ann@example.com", "attribute_unsupported")
    assert len(report.columns) == 200
    assert len(report.left_out) == 201
    assert report.left_out["field7"].total() == 2
    assert report.left_out["(further names)"].total() == 801
    assert sum(reasons.total() for reasons in report.left_out.values()) == 1_002
