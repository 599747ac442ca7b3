"""Removes what a trial created or may have created, also after Ctrl-C, a failed step or a lost answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from klaviyo import lists, profiles
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Dead, HoldNeeded
from klaviyo.profiles import Identifier
from ops.errors import Failed
from ops.retries import with_retries
from ops.selftest.trial import Trial, TrialFailed

#: Seconds to wait for an import in progress, and for a list or a person that may exist but is not visible yet.
_PATIENCE_S: Final = 120.0
_UNSEEN_S: Final = 20.0


def clean(trial: Trial) -> Iterator[tuple[str, bool, str]]:
    """Remove one thing after the other, and yield its name, whether it is gone, and details.

    What is gone is taken out of `made`. Imports end first, because an import in progress would create people again.
    """
    for job_id in [*trial.under_way]:
        _wait_for(trial, job_id)
    unseen_s = _UNSEEN_S
    for key, what in [*trial.made.items()]:
        try:
            field, value = key
            said = _list_gone(trial) if field == "list" else _person_gone(trial, field, value, unseen_s)
        except (Failed, TrialFailed) as fault:
            unseen_s = 0.0  # waiting once is enough for all
            yield f"remove {what}", False, str(fault)
        else:
            del trial.made[key]
            yield f"remove {what}", True, said


def _wait_for(trial: Trial, job_id: str) -> None:
    try:
        trial.complete(job_id, _PATIENCE_S)
    except (NotAccepted, TrialFailed):
        trial.unsure += 1


def _list_gone(trial: Trial) -> str:
    list_id = trial.list_id or with_retries(lambda: _made_unheard(trial), trial.sleep)
    if not list_id:
        return "it was not created"
    with_retries(lambda: _delete(trial, list_id), trial.sleep)
    if not with_retries(lambda: _is_gone(trial, list_id), trial.sleep):
        raise TrialFailed("Klaviyo accepted the deletion, but still has the list")
    return "gone"


def _made_unheard(trial: Trial) -> str | None:
    """Return the list if it was created but the answer was lost."""
    return trial.until(lambda: lists.find_list(trial.call, trial.list_name), bool, _UNSEEN_S)


def _delete(trial: Trial, list_id: str) -> None:
    try:
        lists.delete_list(trial.call, list_id)
    except NotAccepted as refusal:
        if not _says_gone(refusal):
            raise


def _is_gone(trial: Trial, list_id: str) -> bool:
    try:
        lists.get_list_name(trial.call, list_id)
    except NotAccepted as refusal:
        if _says_gone(refusal):
            return True
        raise
    return False


def _says_gone(refusal: NotAccepted) -> bool:
    return isinstance(refusal.outcome, HoldNeeded) and refusal.outcome.reason == "list_gone"


def _person_gone(trial: Trial, field: Identifier, value: str, unseen_s: float) -> str:
    unsure = trial.unsure > 0 and field != "id"  # no import creates a profile again under its old id
    if trial.until(lambda: with_retries(lambda: _erase(trial, field, value), trial.sleep), bool, unsure * unseen_s):
        return "Klaviyo will delete it"
    if field == "id":
        return "Klaviyo no longer has it"
    if not unsure:
        return "it was not created"
    raise TrialFailed("not there yet; an import whose result is unknown may still create it")


def _erase(trial: Trial, field: Identifier, value: str) -> bool:
    try:
        return profiles.request_deletion(trial.call, field, value)
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, Dead):  # not a valid address, so no profile has it
            return False
        raise
