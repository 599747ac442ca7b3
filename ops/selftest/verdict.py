"""What the answers of an account come to: what it does with people who share an identifier, and what Ferry may send.

`ferry selftest --identity`: asks what an account does with identifiers that people share, and gives a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from klaviyo.errors import NotAccepted
from ops.output import echo
from ops.selftest.changes import Clash, Did
from ops.selftest.identity_questions import QUESTIONS, Question
from ops.selftest.run import run, say, say_fault
from ops.selftest.steps import make_list
from ops.selftest.trial import Trial, TrialFailed

#: The questions in which one row names two people.
CLASHES: Final = ("phone", "phone alone", "external id")
_MEANS: Final[dict[Clash, str]] = {
    "refuse": "a row that names two people is not taken",
    "overwrite": "an identifier goes from the person who has it to the other one whom the row names",
    "merge": "two people whom one row names become one profile, and no call undoes that",
    "leave out": "a row that names two people is taken without the second one's identifier",
}


def verdict(seen: Mapping[str, Did]) -> list[str]:
    """Lines to print. `seen`: what the account did, by the name of the question; unanswered ones are not in it."""
    return [f"Verdict: {_clashes(seen)}", f"Verdict: {_emails(seen)}", *_settings(seen)]


def _clashes(seen: Mapping[str, Did]) -> str:
    ways = _ways(seen)
    if not ways:
        return "whether the account refuses, overwrites or merges is not known; no question about it was answered."
    told = [f"{way} ({', '.join(names)}), that is, {_MEANS[way]}" for way, names in ways.items()]
    unknown = [f"not known ({name})" for name in CLASHES if name not in seen]
    return "; ".join([*told, *unknown]) + "."


def _ways(seen: Mapping[str, Did]) -> dict[Clash, list[str]]:
    ways = {way: [name for name in CLASHES if seen.get(name) == way] for way in _MEANS}
    return {way: names for way, names in ways.items() if names}


def _emails(seen: Mapping[str, Did]) -> str:
    if "several e-mails" in seen.values() or seen.get("new e-mail") == "append":
        return "a profile can have several e-mails (multi-email profiles)."
    if "second e-mail" in seen:
        return "a profile has one e-mail (no multi-email profiles)."
    return "whether a profile can have several e-mails is not known."


def _settings(seen: Mapping[str, Did]) -> Iterator[str]:
    yield 'Setting identifiers = "verified" (the default): holds here, as under refuse, overwrite and merge alike.'
    yield f'Setting identifiers = "trust_cdp": {_trust(seen)}'


def _trust(seen: Mapping[str, Did]) -> str:
    harm = [way for way in ("overwrite", "merge") if way in _ways(seen)]
    if harm:
        return f"does not hold here: under {' and '.join(harm)} one wrong or shared value changes another's profile."
    if any(name not in seen for name in CLASHES):
        return "not known to hold here; do not use it."
    if seen.get("one phone") == "one profile":
        return "holds only while no two people in the CDP share a value: two rows with one phone became one profile."
    return "holds here, as long as the account goes on like this."


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
