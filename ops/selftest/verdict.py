"""The verdict of `ferry selftest --identity`: what an account does with shared identifiers, and what Ferry may send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from klaviyo.errors import NotAccepted
from ops.output import echo, is_json, print_json_line
from ops.selftest.changes import Clash, Did
from ops.selftest.identity_questions import QUESTIONS, Question
from ops.selftest.run import run, say, say_fault
from ops.selftest.steps import make_list
from ops.selftest.trial import Trial, TrialFailed

#: The questions in which one row names two people.
CLASHES: Final = ("phone", "phone alone", "external id")
_MEANS: Final[dict[Clash, str]] = {
    "refuse": "a row that names two people is refused",
    "overwrite": "an identifier moves from one person of the row to the other",
    "merge": "two people named by one row become one profile, which no call undoes",
    "leave out": "a row that names two people is accepted without the second one's identifier",
}


def verdict(seen: Mapping[str, Did]) -> list[str]:
    """Return the lines to print. `seen`: what the account did, by the name of each answered question."""
    return [f"Verdict: {_clashes(seen)}", f"Verdict: {_emails(seen)}", *_settings(seen)]


def _clashes(seen: Mapping[str, Did]) -> str:
    ways = _ways(seen)
    if not ways:
        return "unknown whether the account refuses, overwrites or merges: no question about it was answered."
    known = [f"{way} ({', '.join(names)}): {_MEANS[way]}" for way, names in ways.items()]
    unknown = [f"unknown ({name})" for name in CLASHES if name not in seen]
    return "; ".join([*known, *unknown]) + "."


def _ways(seen: Mapping[str, Did]) -> dict[Clash, list[str]]:
    ways = {way: [name for name in CLASHES if seen.get(name) == way] for way in _MEANS}
    return {way: names for way, names in ways.items() if names}


def _emails(seen: Mapping[str, Did]) -> str:
    if "several e-mails" in seen.values() or seen.get("new e-mail") == "append":
        return "a profile can have several e-mails (multi-email profiles)."
    if "second e-mail" in seen:
        return "a profile has one e-mail (no multi-email profiles)."
    return "unknown whether a profile can have several e-mails."


def _settings(seen: Mapping[str, Did]) -> Iterator[str]:
    yield 'Setting identifiers = "verified" (the default): safe here, as with refuse, overwrite and merge.'
    yield f'Setting identifiers = "trust_cdp": {_trust(seen)}'


def _trust(seen: Mapping[str, Did]) -> str:
    harm = [way for way in ("overwrite", "merge") if way in _ways(seen)]
    if harm:
        return f"not safe here: with {' and '.join(harm)} one wrong or shared value changes another person's profile."
    if any(name not in seen for name in CLASHES):
        return "not known to be safe here; do not use it."
    if seen.get("one phone") == "one profile":
        return "safe only while no two people in the CDP share a value: two rows with one phone became one profile."
    return "safe here, as long as the account behaves like this."


def identity(trial: Trial) -> bool:
    """Ask the questions, print the answers and the verdict, and return whether all went well and nothing is left."""
    seen: dict[str, Did] = {}
    went_well = run(trial, partial(_asked, seen=seen))
    for line in verdict(seen):
        if is_json():
            print_json_line({"result": "verdict", "step": "identity", "detail": line.removeprefix("Verdict: ")})
        echo(line)
    return went_well


def _asked(trial: Trial, seen: dict[str, Did]) -> bool:
    try:
        say("ok", "create a list", make_list(trial))
    except NotAccepted as fault:
        say_fault(trial, "create a list", fault)
        return False
    for question in QUESTIONS:
        _ask(trial, question, seen)
    return len(seen) == len(QUESTIONS)


def _ask(trial: Trial, question: Question, seen: dict[str, Did]) -> None:
    """Ask a question. A failure does not affect the others, because each question has its own people."""
    try:
        answer = question.ask(trial)
    except (NotAccepted, TrialFailed) as fault:
        say_fault(trial, question.asked, fault)
    else:
        seen[question.name] = answer.did
        say("seen", question.asked, f"{answer.did}; {answer.said}")
