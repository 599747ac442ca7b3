"""What `/metrics` says, read as Prometheus reads it."""

from __future__ import annotations

from dataclasses import dataclass

import requests
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from console.auth.roles import Role
from tests.support.console import Console


@dataclass(frozen=True, slots=True)
class Scraped:
    """One scrape."""

    text: str

    @property
    def samples(self) -> list[Sample]:
        """Every series, in order."""
        return [sample for family in text_string_to_metric_families(self.text) for sample in family.samples]

    @property
    def names(self) -> dict[str, str]:
        """Every metric, those without a series included -> its type. A counter's name ends in `_total`."""
        lines = (line.split() for line in self.text.splitlines() if line.startswith("# TYPE "))
        return {name: kind for _, _, name, kind in lines}

    def of(self, name: str) -> dict[tuple[str, ...], float]:
        """The values of a metric by those of its labels, in the order of the labels' names."""
        found = (sample for sample in self.samples if sample.name == name)
        return {tuple(value for _, value in sorted(sample.labels.items())): sample.value for sample in found}


def scrape(served: Console) -> Scraped:
    """Ask as Prometheus does, with the token of a viewer."""
    answer = requests.get(f"{served.url}/metrics", headers=served.bearer(Role.VIEWER), timeout=60)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, CONTENT_TYPE_LATEST), answer.text
    return Scraped(answer.text)
