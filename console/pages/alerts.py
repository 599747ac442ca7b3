"""`/alerts`: the alerts that are raised, the rules, and the channels; `/alerts/test` sends a test."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import falcon.asgi
from redis import Redis

from alerts.news import ChannelFailed, News
from alerts.watching import configured
from configuration.alerts import Alerting, Limits
from console import render
from console.auth.roles import Role, visitor
from console.context import AppContext
from queues import alerts as stored_alerts
from queues import audit
from queues.alerts import Alert, Raised
from queues.clock import now_ms

_TEST = Alert("test", "test", "ferry", "This is a test: Ferry's alerts arrive here", "No action is needed.")


@dataclass(frozen=True, slots=True)
class AlertsView:
    """The page. `judged`: ms of the last evaluation, None before the first. `rules`: name and limit."""

    raised: list[Raised]
    over: list[Raised]
    judged: int | None
    channels: list[str]
    rules: list[tuple[str, str]]
    at: int


def view(alerting: Alerting | None, known: list[Raised], judged: int | None, now: int) -> AlertsView:
    """Return what to show. Pure."""
    limits = asdict(alerting.limits if alerting else Limits())
    return AlertsView(
        [each for each in known if each.over is None],
        [each for each in known if each.over is not None],
        judged,
        sorted(configured(alerting)) if alerting else [],
        [(name, _limit(value)) for name, value in limits.items()],
        now,
    )


def _limit(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


class AlertsPage:
    """The page of the alerts."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the alerts."""
        await _show(self._context, req, resp)


class AlertsTest:
    """Sends a test alert to every channel."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Send it, and show the result of each channel."""
        results = await self._context.run(_send, self._context, visitor(req).who)
        await _show(self._context, req, resp, results)


async def _show(
    context: AppContext, req: falcon.asgi.Request, resp: falcon.asgi.Response, results: dict[str, str] | None = None
) -> None:
    seen = await context.run(_read, context.redis, context.settings.alerts)
    render.page(req, resp, "alerts.html", seen=seen, results=results or {}, acts=visitor(req).may(Role.OPERATOR))


def _read(redis: Redis, alerting: Alerting | None) -> AlertsView:
    return view(alerting, stored_alerts.raised(redis), stored_alerts.judged(redis), now_ms())


def _send(context: AppContext, who: str) -> dict[str, str]:
    """Return what each channel answered; empty text if the test arrived."""
    alerting = context.settings.alerts
    if alerting is None:
        return {}
    now = now_ms()
    news = News(now, (Raised(_TEST, now),), alerting.console_url)
    results: dict[str, str] = {}
    for name, tell in configured(alerting).items():
        try:
            tell(news)
        except ChannelFailed as fault:
            results[name] = str(fault)
        else:
            results[name] = ""
    failed = sum(bool(fault) for fault in results.values())
    audit.note(context.redis, who, "alerts tested", "", channels=len(results), failed=failed)
    return results
