"""`ferry selftest --identity`: asks what an account does with identifiers that people share, and gives a verdict."""

from __future__ import annotations

from functools import partial

from klaviyo.errors import NotAccepted
from ops.output import echo
from ops.selftest_changes import Did
from ops.selftest_identity_questions import QUESTIONS, Question
from ops.selftest_run import run, say, say_fault
from ops.selftest_steps import make_list
from ops.selftest_trial import Trial, TrialFailed
from ops.selftest_verdict import verdict


def identity(trial: Trial) -> bool:
    """Whether every question was answered and nothing is left in Klaviyo; says the answers, and last the verdict."""
    seen: dict[str, Did] = {}
    went_well = run(trial, partial(_asked, seen=seen))
    for line in verdict(seen):
        echo(line)
    return went_well


def _asked(trial: Trial, seen: dict[str, Did]) -> bool:
    try:
        say("ok", "make a list", make_list(trial))
    except NotAccepted as fault:
        say_fault(trial, "make a list", fault)
        return False
    for question in QUESTIONS:
        _ask(trial, question, seen)
    return len(seen) == len(QUESTIONS)


def _ask(trial: Trial, question: Question, seen: dict[str, Did]) -> None:
    """One that cannot be answered leaves the others as they are: each has people of its own."""
    try:
        answer = question.ask(trial)
    except (NotAccepted, TrialFailed) as fault:
        say_fault(trial, question.asked, fault)
    else:
        seen[question.name] = answer.did
        say("seen", question.asked, f"{answer.did}; {answer.said}")
