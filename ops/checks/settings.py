"""Checks of the settings. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from configuration.settings import Settings
from intake.readiness import Check
from klaviyo.revision import DEPRECATED, RETIRED, REVISION, TESTED
from text.wording import duration


def settings_checks(settings: Settings) -> list[Check]:
    """Check that senders can sign in and keys can be stored, and report the flush policy."""
    policy = settings.connections.named("default").policy
    detail = f"{policy.size} changes or {duration(policy.age_ms)}; up to {policy.upload_max} in an upload"
    return [*_senders(settings), _secret(settings), Check("flush policy", True, detail)]


def _senders(settings: Settings) -> Iterator[Check]:
    showing = [sender.name for sender in settings.every_sender if sender.tokens]
    signing = [sender.name for sender in settings.every_sender if sender.segment_secrets]
    if showing:
        yield Check("tokens", True, ", ".join(showing))
    elif signing:
        yield Check("tokens", True, "none: only signed requests of Segment are accepted, every other sender gets 401")
    else:
        remedy = "set FERRY_TOKENS=mparticle:<at least 16 characters>, for example from: openssl rand -hex 16"
        yield Check("tokens", False, "none: every sender gets 401", remedy)
    if signing:
        yield Check("segment secrets", True, ", ".join(name.removeprefix("segment:") for name in signing))


def _secret(settings: Settings) -> Check:
    if not settings.secret_keys:
        remedy = "set FERRY_SECRET_KEY on every process to the same value, for example from: openssl rand -hex 32"
        return Check("secret key", True, "none: API keys that a CDP sends cannot be stored", remedy)
    return Check("secret key", True, f"set, {len(settings.secret_keys)} in use")


def revision_check(today: str) -> Check:
    """Check whether Klaviyo still supports the API revision that Ferry uses. `today`: ISO."""
    newest = TESTED[0] == REVISION
    named = REVISION if newest else f"{REVISION} (FERRY_KLAVIYO_REVISION)"
    remedy = "update Ferry" if newest else f"unset FERRY_KLAVIYO_REVISION, then Ferry uses {TESTED[0]}"
    if today >= RETIRED:
        return Check("revision", False, f"{named} is retired", remedy)
    if today >= DEPRECATED:
        return Check("revision", True, f"{named} is deprecated, and retired on {RETIRED}", remedy)
    return Check("revision", True, f"{named}, supported until {DEPRECATED}")
