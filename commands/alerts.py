"""`ferry alerts`: what is raised now, and whether the channels work."""

from __future__ import annotations

from typing import Final

import click

from alerts.channels import configured
from alerts.errors import ChannelFailed
from alerts.news import News
from commands.options import json_option, var_option
from configuration import settings
from configuration.alerts import Alerting
from ops.errors import Misconfigured
from ops.ledger import ledger
from ops.output import console, echo, print_json, table
from queues import alerts as stored_alerts
from queues.alerts import Alert, Raised
from queues.clock import now_ms
from text.escaping import visible
from text.wording import moment, span

#: After so long without a judging the list is no answer any more: judgings may fail or be late once.
SILENT_MS: Final = 3 * stored_alerts.EVERY_MS
_TEST: Final = Alert("test", "test", "ferry", "This is a test: alerts of Ferry arrive here", "Nothing is to be done.")


@click.group(invoke_without_command=True)
@json_option
@var_option
@click.pass_context
def alerts(context: click.Context, as_json: bool) -> None:
    """List the alerts that are raised.

    Since when, and which channels were told. They are judged once a minute by the scheduler or the web process, where
    [alerts] in connections.toml names a channel.
    """
    if context.invoked_subcommand is None:
        known = settings.load()
        _channels_of(known.alerts)
        with ledger(known) as redis:
            _warn(stored_alerts.judged(redis), now_ms())
            _list([each for each in stored_alerts.raised(redis) if each.over is None], as_json)


@alerts.command()
@var_option
def test() -> None:
    """Send a test to every channel.

    And say of each whether it took it. Exit code 1 when one did not.
    """
    alerting = _channels_of(settings.load().alerts)
    now = now_ms()
    news = News(now, (Raised(_TEST, now),), alerting.console_url)
    failed = False
    for name, tell in configured(alerting).items():
        try:
            tell(news)
        except ChannelFailed as fault:
            failed = True
            echo(f"{name}: {fault}", err=True)
        else:
            echo(f"{name}: arrived")
    if failed:
        raise click.exceptions.Exit(1)


def _channels_of(alerting: Alerting | None) -> Alerting:
    if alerting is None:
        raise Misconfigured(
            "no channel is configured, so nothing is judged: write [alerts] into the connections.toml that "
            "FERRY_CONNECTIONS names, such as slack_url_env; docs/alerts.md has every option"
        )
    return alerting


def _warn(judged: int | None, now: int) -> None:
    """Where nobody judges, for then the list says nothing of what is wrong now. `judged`: ms."""
    if judged is None or now - judged > SILENT_MS:
        since = "yet" if judged is None else f"for {span(now - judged)}"
        echo(f"Nobody has judged {since}: start `ferry scheduler` or `ferry web`, or see their logs.", err=True)


def _list(found: list[Raised], as_json: bool) -> None:
    if as_json:
        print_json([_value(each) for each in found])
        return
    now = now_ms()
    made = table("For", "Alert", "What to do", "Told")
    for each in found:
        told = ", ".join(sorted(each.told)) or "nobody yet"
        made.add_row(span(now - each.since), visible(each.alert.text), visible(each.alert.remedy), told)
    console().print(made if found else "No alert is raised.")


def _value(each: Raised) -> dict[str, object]:
    return {
        "id": each.alert.id,
        "rule": each.alert.rule,
        "on": each.alert.on,
        "text": each.alert.text,
        "remedy": each.alert.remedy,
        "since": moment(each.since),
        "told": sorted(each.told),
    }
