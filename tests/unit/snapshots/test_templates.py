from __future__ import annotations

from datetime import UTC, datetime

import pytest

from snapshots.rows import TemplateError
from snapshots.templates import name

NOW = datetime(2026, 3, 9, 7, 5, tzinfo=UTC)


def _name(template: str) -> str:
    return name(template, "Spring Sale", "Control", NOW)


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("VIPs", "VIPs"),
        ("{{ campaign_name }} - {{ group_name }}", "Spring Sale - Control"),
        ("  {{campaign_name}}_{{ now|format'yyyy-mm-dd' }}\n", "Spring Sale_2026-03-09"),
        ('{{ now | format "dd.mm.yyyy HH" }}', "09.03.2026 07"),
        ("{{ now|format'yyyy-MM-dd' }}", "2026-03-09"),
        ("{{ now|format'MM/dd/yyyy' }}", "03/09/2026"),
        ("{{ now|format'HH dd.MM.' }}", "07 09.03."),
        ("{{ now|format('yyyy')|upper }}/{{ group_name|lower }}", "2026/control"),
        ("50 % {{ group_name }}", "50 % Control"),
        ("{{ '{' }}" + "x" * 254, "{" + "x" * 254),
    ],
)
def test_templates_become_names(template: str, made: str) -> None:
    assert _name(template) == made


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ list_name }}", "'list_name' is undefined.*campaign_name, group_name, now"),
        ("{{ campaign_name", "cannot be made"),
        ("{{ now|date }}", "cannot be made"),
        ("{{ now|format }}", "cannot be made"),
        ("{{ now }}", "now without a format is another text in each request"),
        ("Spring {{ now ~ '' }}", "now without a format|not allowed"),
        ("{{ [now] }}", "now without a format"),
        ("{{ now.minute }}", "cannot be made"),
        ("{{ now._moment }}", "cannot be made"),
        ("{{ group_name|format'yyyy' }}", "format works only on now"),
        ("{{ now|format'YYYY-MM-DD' }}", "YYYY is not a part of a time; use yyyy, dd, HH, mm and MM"),
        ("{{ now|format('Week dd') }}", "Week is not a part"),
        ("{{ now|format'yyyyMMdd-HHmm' }}", "mm after HH is the minutes, which would make a new list every minute"),
        ('{{ now|format "HH:MM dd.mm." }}', "MM after HH is the minutes"),
        ("{{ now|format'yyyy-mm-dd ss' }}", "ss is not a part"),
        ("", "the name has no visible characters"),
        ("{{ '' }} ", "the name has no visible characters"),
        ("x" * 256, "has 256 characters"),
        ("x" * 1_001, "at most 1,000"),
        ("{% for i in range(9) %}x{% endfor %}", "at most 1,000"),
        ("{{ 'x' * 1000000000 }}", "not allowed in names"),
        ("{{ 10 ** 10 ** 8 }}", "not allowed in names"),
        ("{{ '%1000000000d' % 1 }}", "not allowed in names"),
        ("{{ campaign_name.ljust(1000000000) }}", "cannot be made"),
        ("{{ range(1000000000)|list }}", "cannot be made"),
        ("{{ campaign_name|center(1000000000) }}", "cannot be made"),
        ("{{ ''.__class__.__mro__ }}", "cannot be made"),
        ("{{ -campaign_name }}", "cannot be made"),
        ("{{" + "(" * 400 + "1" + ")" * 400 + "}}", "cannot be made"),
    ],
)
def test_what_makes_no_name_is_refused_with_the_remedy(template: str, says: str) -> None:
    with pytest.raises(TemplateError, match=says):
        _name(template)
