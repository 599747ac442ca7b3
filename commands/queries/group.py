"""`ferry queries`: the queries that Ferry runs itself."""

from __future__ import annotations

import click

from commands.main import UrlAwareGroup
from commands.queries.checking import check, preview


@click.group(cls=UrlAwareGroup)
def queries() -> None:
    """Run queries of your database on a schedule.

    A query of connections.toml says who should be on a list.

    \b
    Examples:
      ferry queries check vips
      ferry queries preview vips
    """


for command in (check, preview):
    queries.add_command(command)
