"""The steps of the round trip, which every delivery relies on. Each step returns what it saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from klaviyo import imports, lists, lookups, profiles
from klaviyo.errors import NotAccepted
from klaviyo.imports import RowFailure
from klaviyo.outcomes import Rows
from ops.selftest.trial import Trial, TrialFailed

_PATIENCE_S: Final = 120.0


def _ann(trial: Trial) -> dict[str, Any]:
    return {
        "email": trial.email("ann"),
        "external_id": f"{trial.mark}-ann",
        "first_name": "Ann",
        "properties": {"plan": "gold"},
    }


def _ben(trial: Trial) -> dict[str, Any]:
    return {"email": trial.email("ben"), "external_id": f"{trial.mark}-ben"}


def make_list(trial: Trial) -> str:
    """Create the trial's list."""
    trial.make_list()
    return f"{trial.heard.said()}, list {trial.list_id}"


def refuse_bad_row(trial: Trial) -> str:
    """Import a bad and a good row: Klaviyo names the bad row, and does not import the good one."""
    bad = {"email": trial.email("cat") + " is no address"}
    try:
        job = trial.upload(_ann(trial), bad, onto=trial.list_id)
    except NotAccepted as refusal:
        if not isinstance(refusal.outcome, Rows) or {each.index for each in refusal.outcome.errors} != {1}:
            raise
        return trial.heard.said()
    done = trial.complete(job.id)
    if done.failed != 1:
        raise TrialFailed(f"the bad row was accepted: {done.completed} imported, {done.failed} failed")
    return f"accepted, and failed later: {_errors_text(_errors(trial, job.id))}"


def import_good_rows(trial: Trial) -> str:
    """Import two people onto the list."""
    done = trial.complete(trial.upload(_ann(trial), _ben(trial), onto=trial.list_id).id)
    if (done.status, done.completed, done.failed) != ("complete", 2, 0):
        raise TrialFailed(f"{done.status}: {done.completed} of {done.total} imported, {done.failed} failed")
    return f"{done.status}, {done.completed} of {done.total} imported"


def find_members(trial: Trial) -> str:
    """Find both on the list by their addresses."""
    ids = _on_list(trial, {trial.email("ann"), trial.email("ben")})
    return f"both are on the list, as {', '.join(sorted(ids.values()))}"


def read_import_error(trial: Trial) -> str:
    """Import a valid row that fails later: the address of one person with the external id of the other."""
    clash = {"email": trial.email("ann"), "external_id": f"{trial.mark}-ben"}
    both = trial.ask(lambda: lookups.find_profiles(trial.call, "email", [trial.email("ann"), trial.email("ben")]))
    try:
        job = trial.upload(clash, onto=trial.list_id)
    except NotAccepted as refusal:
        if not isinstance(refusal.outcome, Rows):
            raise
        return f"refused immediately: {trial.heard.said()}"
    done = trial.complete(job.id)
    errors = _errors(trial, job.id)
    if not errors:
        trial.note(both)  # one of them may have lost its address
        raise TrialFailed(
            f"{done.status} with {done.failed} failed, and no error to read: Klaviyo accepted the clash; "
            "ferry selftest --identity shows what it does then"
        )
    return f"{done.status}, {done.failed} failed: {_errors_text(errors)}"


def clear_fields(trial: Trial) -> str:
    """Clear a standard field and unset a custom property."""
    email = trial.email("ann")
    trial.ask(lambda: profiles.clear_fields(trial.call, {"email": email}, ["first_name"]))
    trial.complete(trial.upload({"email": email}, meta={"patch_properties": {"unset": ["plan"]}}).id)
    seen = trial.until(lambda: profiles.attributes(trial.call, email) or {}, _cleared, _PATIENCE_S)
    if not _cleared(seen):
        raise TrialFailed(f"still there: first_name {seen.get('first_name')!r}, properties {seen.get('properties')!r}")
    return "first_name and plan are gone"


def remove_member(trial: Trial) -> str:
    """Remove one person from the list; the other stays."""
    ann, ben = trial.email("ann"), trial.email("ben")
    ids = [found.id for found in trial.ask(lambda: lookups.find_members(trial.call, trial.list_id, "email", [ann]))]
    trial.ask(lambda: lists.remove_members(trial.call, trial.list_id, ids))
    said = trial.heard.said()
    _on_list(trial, {ben})
    return f"{said}; the other one is still on the list"


#: The steps with their names, in order.
STEPS: Final[tuple[tuple[str, Callable[[Trial], str]], ...]] = (
    ("create a list", make_list),
    ("refuse a bad row", refuse_bad_row),
    ("import two people", import_good_rows),
    ("find them on the list", find_members),
    ("read an import error", read_import_error),
    ("clear fields", clear_fields),
    ("remove one from the list", remove_member),
)


def _cleared(seen: dict[str, Any]) -> bool:
    return seen.get("first_name") is None and "plan" not in (seen.get("properties") or {}) and "email" in seen


def _on_list(trial: Trial, wanted: set[str]) -> dict[str, str]:
    everybody = [trial.email("ann"), trial.email("ben")]

    def look() -> dict[str, str]:
        found = lookups.find_members(trial.call, trial.list_id, "email", everybody)
        return {address: each.id for address, each in lookups.by_value(found, "email", everybody).items()}

    seen = trial.until(look, lambda found: found.keys() == wanted, _PATIENCE_S)
    if seen.keys() != wanted:
        raise TrialFailed(f"on the list: {', '.join(sorted(seen)) or 'nobody'}; expected: {', '.join(sorted(wanted))}")
    return seen


def _errors(trial: Trial, job_id: str) -> list[RowFailure]:
    return trial.ask(lambda: list(imports.read_errors(trial.call, job_id)))


def _errors_text(errors: list[RowFailure]) -> str:
    return "; ".join(f"{each.code}: {each.detail}" for each in errors) or "no error to read"
