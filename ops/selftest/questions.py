"""Questions that Klaviyo's documents leave open. Nothing in Ferry depends on the answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

from klaviyo import profiles
from klaviyo.endpoints import LISTS, PROFILES
from klaviyo.errors import NotAccepted
from klaviyo.lookups import query
from ops.selftest.recording import GzipTransport, RecordingTransport, UnversionedTransport
from ops.selftest.trial import Trial, TrialFailed

#: Bytes of a URL longer than any that Ferry sends.
_LONG: Final = 8_000


def unknown_list(trial: Trial) -> str:
    """Return Klaviyo's answer to an import onto a list that does not exist."""
    return _imported(trial, {"email": trial.email("dan")}, onto="FerryX")


def same_person_twice(trial: Trial) -> str:
    """Test which of two rows for one person wins."""
    email = trial.email("eve")
    rows = [{"email": email, "properties": {"row": number}} for number in (1, 2)]
    said = _imported(trial, *rows)
    seen = trial.ask(lambda: profiles.attributes(trial.call, email)) or {}
    return f"{said}; stored is row {(seen.get('properties') or {}).get('row', 'neither')}"


def packed_body(trial: Trial) -> str:
    """Test whether a body may be compressed with gzip."""
    return _other(trial, GzipTransport, lambda other: _imported(other, {"email": trial.email("fay")}))


def no_such_place(trial: Trial) -> str:
    """Test whether an impossible time zone and latitude are refused."""
    nowhere = {"timezone": "Mars/Olympus_Mons", "latitude": 123.0, "longitude": 456.0}
    return _imported(trial, {"email": trial.email("gus"), "location": nowhere})


def no_revision(trial: Trial) -> str:
    """Return Klaviyo's answer to a request without a revision."""
    return _other(
        trial, UnversionedTransport, lambda other: _asked(other, lambda: other.call(LISTS, query="page%5Bsize%5D=1"))
    )


def long_url(trial: Trial) -> str:
    """Test whether Klaviyo accepts a URL of about 8,000 characters."""
    value = f'"{trial.email("nobody")}"'
    values = ",".join([value] * (_LONG // len(quote(f"{value},"))))
    return _asked(trial, lambda: trial.call(PROFILES, query=query({"filter": f"any(email,[{values}])"})))


#: The questions, in the order in which they are asked.
QUESTIONS: Final[tuple[tuple[str, Callable[[Trial], str]], ...]] = (
    ("import onto an unknown list", unknown_list),
    ("one person twice in an import", same_person_twice),
    ("body compressed with gzip", packed_body),
    ("impossible time zone and place", no_such_place),
    ("no revision header", no_revision),
    ("URL of 8,000 characters", long_url),
)


def _asked(trial: Trial, question: Callable[[], object]) -> str:
    with suppress(NotAccepted):
        trial.ask(question)
    return trial.heard.said()


def _imported(trial: Trial, *people: dict[str, Any], onto: str | None = None) -> str:
    try:
        job = trial.upload(*people, onto=onto)
    except NotAccepted:
        return trial.heard.said()
    try:
        done = trial.complete(job.id)
    except (NotAccepted, TrialFailed) as fault:
        return f"accepted; {fault}"
    return f"accepted: {done.completed} imported, {done.failed} failed"


def _other(trial: Trial, kind: type[RecordingTransport], ask: Callable[[Trial], str]) -> str:
    """Ask over another transport, and carry its unsure imports over to the trial."""
    transport = trial.connect(kind)
    other = trial.over(transport)
    try:
        return ask(other)
    finally:
        transport.close()
        trial.unsure = other.unsure
