"""Carries a trial out, and takes away what it made, however it ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from klaviyo.errors import NotAccepted
from ops.selftest_cleanup import clean
from ops.selftest_questions import QUESTIONS
from ops.selftest_steps import STEPS
from ops.selftest_trial import Trial, TrialFailed


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end it as Ctrl-C does, as when a one-off dyno is stopped or its terminal closed."""
    before = {each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def run(trial: Trial) -> bool:
    """Whether every step went well and nothing is left in Klaviyo; says how each goes, and what is left."""
    with _interruptible():
        return _run(trial)


def _run(trial: Trial) -> bool:
    went_well = False
    try:
        went_well = _round_trip(trial)
        _ask(trial)
    except KeyboardInterrupt:
        went_well = False
        click.echo("Interrupted. What was made is removed; Ctrl-C again ends that, too.")
    finally:
        removed = _remove(trial)
    return went_well and removed


def _round_trip(trial: Trial) -> bool:
    for name, step in STEPS:
        try:
            _say("ok", name, step(trial))
        except (NotAccepted, TrialFailed) as fault:
            said = f"; Klaviyo: {trial.heard.said()}" if isinstance(fault, NotAccepted) else ""
            _say("failed", name, f"{fault}{said}")
            return False
    return True


def _ask(trial: Trial) -> None:
    for name, question in QUESTIONS:
        try:
            _say("seen", name, question(trial))
        except (NotAccepted, TrialFailed) as fault:
            _say("seen", name, f"{fault}; Klaviyo: {trial.heard.said()}")


def _remove(trial: Trial) -> bool:
    """Whether nothing is left; says what is, whatever happens."""
    try:
        with suppress(KeyboardInterrupt):
            for what, gone, said in clean(trial):
                _say("ok" if gone else "failed", what, said)
    finally:
        for what in trial.made.values():
            click.echo(f"LEFT in Klaviyo, remove it there: {what}", err=True)
    return not trial.made


def _say(verdict: str, what: str, said: str) -> None:
    click.echo(f"{verdict:<7} {what}: {said}")
