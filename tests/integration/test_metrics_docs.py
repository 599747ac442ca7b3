"""docs/metrics.md and docs/grafana.json speak of the metrics that a running console has, and of no others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from redis import Redis

from queues import metrics
from tests.support.console import console
from tests.support.metrics import Scraped, scrape
from tests.support.ops import VIPS, put
from tests.support.paths import ROOT
from tests.support.queries import good_run, query

PAGE = (ROOT / "docs" / "metrics.md").read_text()
DASHBOARD: dict[str, Any] = json.loads((ROOT / "docs" / "grafana.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
_ROW = re.compile(r"^\| `(ferry_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
_NAME = re.compile(r"\bferry_[a-z0-9_]+\b")
_YAML = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
#: What Prometheus makes of a histogram.
_PARTS = ("_bucket", "_count", "_sum")


@pytest.fixture(scope="module")
def told(redis_server: str) -> Iterator[Scraped]:
    """With something in every metric."""
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
        put(redis, "ann@example.com")
        for what in (metrics.TAKEN, metrics.DEAD, metrics.IDENTITY, metrics.RETRIES):
            metrics.count(redis, {metrics.of(what, VIPS, "size"): 1})
        metrics.count(redis, {(metrics.CLAMPED, "default", "changes"): 1})
        metrics.count(redis, {metrics.RESTARTED: 1})
        metrics.count(redis, {metrics.of(metrics.LAPSED, VIPS): 1})
        for what in (metrics.CALLS, metrics.THROTTLED, metrics.WAITS, metrics.WAIT_MS):
            metrics.count(redis, {(what, "default", "get_lists"): 1})
        metrics.count(redis, {(metrics.PARTIAL_FAILURES, "default", "bulk_subscribe_profiles", "phone_number"): 1})
        metrics.count(redis, metrics.of_import("default", 700))
        good_run(redis)
    with console(redis_server, queries=(query(),)) as served:
        yield scrape(served)


def exposed(told: Scraped) -> set[str]:
    """Every name that an expression may use."""
    return {
        each
        for name, kind in told.names.items()
        for each in ([name + part for part in _PARTS] if kind == "histogram" else [name])
    }


def test_the_page_lists_every_metric_with_its_type_and_no_other(told: Scraped) -> None:
    assert {name: kind for name, kind, _ in _ROW.findall(PAGE)} == told.names


def test_the_page_names_the_labels_of_every_metric(told: Scraped) -> None:
    labels = {sample.name: sample.labels.keys() - {"le"} for sample in told.samples}
    for name, kind, listed in _ROW.findall(PAGE):
        assert set(re.findall(r"`(\w+)`", listed)) == labels[f"{name}_count" if kind == "histogram" else name], name


def test_the_page_shows_prometheus_the_way_to_the_address() -> None:
    (job,) = yaml.safe_load(_YAML[0])["scrape_configs"]
    assert (job["metrics_path"], job["authorization"]["type"]) == ("/metrics", "Bearer")
    assert f"ferry users add prometheus --role viewer > {job['authorization']['credentials_file']}" in PAGE


def test_the_rules_of_the_page_use_metrics_there_are(told: Scraped) -> None:
    rules = [rule for group in yaml.safe_load(_YAML[1])["groups"] for rule in group["rules"]]
    for rule in rules:
        names = set(_NAME.findall(rule["expr"]))
        assert names
        assert names <= exposed(told), rule["alert"]


def test_the_expressions_of_the_dashboard_use_metrics_there_are(told: Scraped) -> None:
    expressions = [target["expr"] for panel in PANELS for target in panel["targets"]]
    expressions += [variable["definition"] for variable in DASHBOARD["templating"]["list"] if "definition" in variable]
    assert all(_NAME.search(expression) for expression in expressions)
    assert {name for expression in expressions for name in _NAME.findall(expression)} <= exposed(told)


def test_the_dashboard_shows_every_metric_but_what_others_say_better() -> None:
    used = {name for panel in PANELS for target in panel["targets"] for name in _NAME.findall(target["expr"])}
    listed = {name for name, _, _ in _ROW.findall(PAGE)}
    assert {name for name in listed if not any(each.startswith(name) for each in used)} == {"ferry_changes_dead"}


def test_every_panel_asks_the_data_source_of_the_variable() -> None:
    (source,) = (variable for variable in DASHBOARD["templating"]["list"] if variable["type"] == "datasource")
    of_variable = {"type": source["query"], "uid": f"${{{source['name']}}}"}
    for panel in PANELS:
        assert [of_variable] * (len(panel["targets"]) + 1) == [
            panel["datasource"],
            *(target["datasource"] for target in panel["targets"]),
        ]


def test_the_panels_have_ids_of_their_own_and_lie_side_by_side_within_the_grid() -> None:
    assert len({panel["id"] for panel in PANELS}) == len({panel["title"] for panel in PANELS}) == len(PANELS) >= 12
    squares = [_squares(panel["gridPos"]) for panel in PANELS]
    assert all(0 <= x < 24 and y >= 0 for panel in squares for x, y in panel)
    assert not any(one & other for one, other in combinations(squares, 2))


def _squares(at: dict[str, int]) -> set[tuple[int, int]]:
    return {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
