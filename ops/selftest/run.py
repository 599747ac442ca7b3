"""Runs a trial, and removes what it created, however it ends."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from klaviyo.errors import NotAccepted
from ops.output import complain, echo, is_json, print_json_line
from ops.selftest.cleanup import clean
from ops.selftest.questions import QUESTIONS
from ops.selftest.steps import STEPS
from ops.selftest.trial import Trial, TrialFailed


@contextmanager
def _interruptible() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP like Ctrl-C: they arrive when a one-off dyno is stopped or its terminal is closed."""
    before = {each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def run(trial: Trial, work: Callable[[Trial], bool]) -> bool:
    """Run `work` and clean up. Return whether it succeeded and nothing is left in Klaviyo; print what is left."""
    with _interruptible():
        return _run(trial, work)


def round_trip(trial: Trial) -> bool:
    """Run every step, print its result and the answers to the questions, and return whether all steps succeeded."""
    went_well = _steps(trial)
    _ask(trial)
    return went_well


def _run(trial: Trial, work: Callable[[Trial], bool]) -> bool:
    went_well = False
    try:
        went_well = work(trial)
    except KeyboardInterrupt:
        echo("Interrupted. Removing what was created; Ctrl-C again stops that too.")
    finally:
        removed = _remove(trial)
    return went_well and removed


def _steps(trial: Trial) -> bool:
    for name, step in STEPS:
        try:
            say("ok", name, step(trial))
        except (NotAccepted, TrialFailed) as fault:
            say_fault(trial, name, fault)
            return False
    return True


def _ask(trial: Trial) -> None:
    for name, question in QUESTIONS:
        try:
            say("seen", name, question(trial))
        except (NotAccepted, TrialFailed) as fault:
            say("seen", name, f"{fault}; Klaviyo: {trial.heard.said()}")


def _remove(trial: Trial) -> bool:
    """Clean up, print what is left, and return whether nothing is."""
    try:
        with suppress(KeyboardInterrupt):
            for what, gone, said in clean(trial):
                say("ok" if gone else "failed", what, said)
    finally:
        for what in trial.made.values():
            complain(f"LEFT in Klaviyo, remove it there: {what}")
    return not trial.made


def say(verdict: str, what: str, said: str) -> None:
    """Print a line about a step: its result, its name and the details."""
    if is_json():
        print_json_line({"result": verdict, "step": what, "detail": said})
    echo(f"{verdict:<7} {what}: {said}")


def say_fault(trial: Trial, what: str, fault: NotAccepted | TrialFailed) -> None:
    """Print a line about a failed step, with Klaviyo's answer if Klaviyo refused it."""
    said = f"; Klaviyo: {trial.heard.said()}" if isinstance(fault, NotAccepted) else ""
    say("failed", what, f"{fault}{said}")
