"""Carries a trial out, and takes away what it made, however it ends."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from klaviyo.errors import NotAccepted
from ops.output import echo
from ops.selftest.cleanup import clean
from ops.selftest.questions import QUESTIONS
from ops.selftest.steps import STEPS
from ops.selftest.trial import Trial, TrialFailed


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end it as Ctrl-C does, as when a one-off dyno is stopped or its terminal closed."""
    before = {each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def run(trial: Trial, work: Callable[[Trial], bool]) -> bool:
    """Whether `work` went well and nothing is left in Klaviyo; says what is left."""
    with _interruptible():
        return _run(trial, work)


def round_trip(trial: Trial) -> bool:
    """Whether every step went well; says how each goes, and what was answered to the questions."""
    went_well = _steps(trial)
    _ask(trial)
    return went_well


def _run(trial: Trial, work: Callable[[Trial], bool]) -> bool:
    went_well = False
    try:
        went_well = work(trial)
    except KeyboardInterrupt:
        echo("Interrupted. What was made is removed; Ctrl-C again ends that, too.")
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
    """Whether nothing is left; says what is, whatever happens."""
    try:
        with suppress(KeyboardInterrupt):
            for what, gone, said in clean(trial):
                say("ok" if gone else "failed", what, said)
    finally:
        for what in trial.made.values():
            echo(f"LEFT in Klaviyo, remove it there: {what}", err=True)
    return not trial.made


def say(verdict: str, what: str, said: str) -> None:
    """A line about one step: how it went, what it was, what was seen."""
    echo(f"{verdict:<7} {what}: {said}")


def say_fault(trial: Trial, what: str, fault: NotAccepted | TrialFailed) -> None:
    """A line about a step that failed, with what Klaviyo said where it is Klaviyo that refused."""
    said = f"; Klaviyo: {trial.heard.said()}" if isinstance(fault, NotAccepted) else ""
    say("failed", what, f"{fault}{said}")
