"""`ferry alerts`: list active alerts and test the channels."""

from __future__ import annotations

from typing import Final

import click

from alerts.news import ChannelFailed, News
from alerts.watching import configured
from commands.options import json_option, var_option
from configuration import settings
from configuration.alerts import Alerting
from ops.errors import Misconfigured
from ops.ledger import ledger
from ops.output import complain, console, echo, print_json, table
from queues import alerts as stored_alerts
from queues.alerts import Alert, Raised
from queues.clock import now_ms
from text.escaping import visible
from text.wording import duration, moment

#: After this time without an evaluation the list is out of date. A single evaluation may fail or be late.
SILENT_MS: Final = 3 * stored_alerts.EVERY_MS
_TEST: Final = Alert("test", "test", "ferry", "This is a test: Ferry's alerts arrive here", "No action is needed.")


@click.group(invoke_without_command=True)
@json_option
@var_option
@click.pass_context
def alerts(context: click.Context, as_json: bool) -> None:
    """List active alerts.

    Shows how long each has been active, and which channels were notified. The scheduler or the web process evaluates
    the alerts once a minute, if [alerts] in connections.toml names a channel.

    \b
    Examples:
      ferry alerts
      ferry alerts --json
      ferry alerts test
    """
    if context.invoked_subcommand is None:
        known = settings.load()
        _channels_of(known.alerts)
        with ledger(known) as redis:
            _warn(stored_alerts.judged(redis), now_ms())
            _list([each for each in stored_alerts.raised(redis) if each.over is None], as_json)


@alerts.command()
@json_option
@var_option
def test(as_json: bool) -> None:
    """Send a test alert to every channel.

    Prints the result for each channel. Exit code 1 if one failed.

    \b
    Examples:
      ferry alerts test
    """
    alerting = _channels_of(settings.load().alerts)
    now = now_ms()
    news = News(now, (Raised(_TEST, now),), alerting.console_url)
    faults: dict[str, str | None] = {}
    for name, tell in configured(alerting).items():
        try:
            tell(news)
        except ChannelFailed as fault:
            faults[name] = str(fault)
            complain(f"{name}: {fault}")
        else:
            faults[name] = None
            echo(f"{name}: arrived")
    if as_json:
        print_json([{"channel": name, "arrived": not fault, "error": fault} for name, fault in faults.items()])
    if any(faults.values()):
        raise click.exceptions.Exit(1)


def _channels_of(alerting: Alerting | None) -> Alerting:
    if alerting is None:
        raise Misconfigured(
            "no channel is configured, so no alert is evaluated: add [alerts] to the connections.toml that "
            "FERRY_CONNECTIONS names, for example with slack_url_env; docs/alerts.md lists every option"
        )
    return alerting


def _warn(judged: int | None, now: int) -> None:
    """Warn when the alerts were not evaluated lately, because the list is then out of date. `judged`: ms."""
    if judged is None or now - judged > SILENT_MS:
        since = "yet" if judged is None else f"for {duration(now - judged)}"
        complain(f"Alerts were not evaluated {since}: start `ferry scheduler` or `ferry web`, or check their logs.")


def _list(found: list[Raised], as_json: bool) -> None:
    if as_json:
        print_json([_value(each) for each in found])
        return
    now = now_ms()
    made = table("For", "Alert", "What to do", "Notified")
    for each in found:
        notified = ", ".join(sorted(each.told)) or "none yet"
        made.add_row(duration(now - each.since), visible(each.alert.text), visible(each.alert.remedy), notified)
    console().print(made if found else "No active alerts.")


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
