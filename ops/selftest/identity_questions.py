"""What an account does with identifiers that people share: eight questions, which Klaviyo's documents leave open.

A and B are two people made for each question, and removed afterwards with everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ops.selftest.changes import Seen, clash
from ops.selftest.people import SETTLE_S, ImportAnswer, Person, free_phone, holder, listed, look, make, send
from ops.selftest.trial import Trial, TrialFailed


def phone_of_another(trial: Trial) -> Seen:
    """The person who has the phone has an e-mail as well, as in a family."""
    a, b, phone = trial.email("a1"), trial.email("b1"), free_phone(trial)
    return _clash(trial, {"email": a}, {"email": b, "phone_number": phone}, {"email": a, "phone_number": phone})


def phone_alone(trial: Trial) -> Seen:
    """The other profile has a phone alone: such a one Klaviyo merges by its documents (when SMS profiles merge)."""
    a, phone = trial.email("a1b"), free_phone(trial)
    return _clash(trial, {"email": a}, {"phone_number": phone}, {"email": a, "phone_number": phone})


def external_id_of_another(trial: Trial) -> Seen:
    """The external id goes before the e-mail in Klaviyo's rank, so it is A who loses."""
    a, b, of_b = trial.email("a2"), trial.email("b2"), f"{trial.mark}-b2"
    return _clash(trial, {"email": a}, {"email": b, "external_id": of_b}, {"email": a, "external_id": of_b})


def new_email(trial: Trial) -> Seen:
    """Both e-mails are looked for, for a profile shows one of those that it has."""
    old, new, of_a = trial.email("a3"), trial.email("new3"), f"{trial.mark}-a3"
    (person,) = make(trial, {"email": old, "external_id": of_a})
    told = send(trial, {"email": new, "external_id": of_a})
    if not told.taken:
        return _refused(told)
    with_new, with_old = holder(trial, new) == person.id, holder(trial, old) == person.id
    if not with_new:
        return Seen("two profiles", f"the new e-mail has a profile of its own ({told.said})")
    if with_old:
        return Seen("append", f"A's profile has both e-mails ({told.said})")
    return Seen("rename", f"A's profile has the new e-mail, and the old one is nobody's ({told.said})")


def one_phone_twice(trial: Trial) -> Seen:
    """Two new people in one import."""
    emails, phone = [trial.email("a4"), trial.email("b4")], free_phone(trial)
    told = send(trial, *({"email": email, "phone_number": phone} for email in emails))
    if not told.taken:
        return _refused(told)
    seen = trial.until(lambda: look(trial, [], emails), lambda found: len(found) == len(emails), SETTLE_S)
    if not seen:
        raise TrialFailed(f"neither is found by e-mail after {SETTLE_S:.0f} s ({told.said})")
    if len(seen) == len(emails):
        having = [each for each in seen.values() if each.phone_number == phone]
        return Seen("two profiles", f"each has a profile; {len(having)} of them with the phone ({told.said})")
    (both,) = seen.values()
    return Seen(
        "one profile", f"both became one, which shows the e-mail of {_row_of(both.email, emails)} ({told.said})"
    )


def upper_case(trial: Trial) -> Seen:
    """One address, first in lower case."""
    email = trial.email("a5")
    (person,) = make(trial, {"email": email})
    told = send(trial, {"email": email.upper()})
    if not told.taken:
        return _refused(told)
    same = {each.id for each in told.wrote} == {person.id}
    shown = ", ".join(sorted({each.email or "none" for each in told.wrote}))
    return Seen("one profile" if same else "two profiles", f"the import wrote to {shown} ({told.said})")


def second_email(trial: Trial) -> Seen:
    """A second address is added to a member in the one way that Klaviyo documents (multi email profiles)."""
    first, second = trial.email("a6"), trial.email("second6")
    (person,) = make(trial, {"email": first}, onto=trial.list_id)
    if not listed(trial, first):
        raise TrialFailed("the import put nobody on the list")
    told = send(trial, {"email": first}, meta={"patch_identifiers": {"append": {"email": [second]}}})
    if not told.taken:
        return Seen("one e-mail", f"a second one is not taken, so there is none to be found by: {told.said}")
    found = trial.until(lambda: person.id in look(trial, [], [second]), bool, SETTLE_S)
    on_list = found and listed(trial, second, SETTLE_S)
    if {holder(trial, second), holder(trial, first)} != {person.id}:
        return Seen("one e-mail", f"the second one is not kept, so there is none to be found by ({told.said})")
    return Seen(
        "several e-mails", f"by the second one a look-up of profiles {_finds(found)}, of members {_finds(on_list)}"
    )


def bad_phone(trial: Trial) -> Seen:
    """A number that is too short, beside an e-mail."""
    phone = free_phone(trial)[:8]
    told = send(trial, {"email": trial.email("a7"), "phone_number": phone})
    if not told.taken:
        return _refused(told)
    named = (
        f"X-Klaviyo-Partial-Failure: {', '.join(told.left_out)}" if told.left_out else "no X-Klaviyo-Partial-Failure"
    )
    if any(each.phone_number for each in told.wrote):
        return Seen("take", f"the profile has a phone ({told.said}, {named})")
    return Seen("leave out", f"the profile has no phone ({told.said}, {named})")


def id_alone(trial: Trial) -> Seen:
    """A row with Klaviyo's own id of a profile and nothing else, onto the list."""
    email = trial.email("a8")
    (person,) = make(trial, {"email": email})
    told = send(trial, {}, onto=trial.list_id, id=person.id)
    if not told.taken:
        return _refused(told)
    return Seen("take", f"the profile is {'' if listed(trial, email) else 'not '}on the list ({told.said})")


class Question(NamedTuple):
    """`name`: for the verdict. `asked`: in words, with its number."""

    name: str
    asked: str
    ask: Callable[[Trial], Seen]


#: What is asked, in this order.
QUESTIONS: Final = (
    Question("phone", "1 A's e-mail with B's phone", phone_of_another),
    Question("phone alone", "1 the same where B has a phone alone", phone_alone),
    Question("external id", "2 A's e-mail with B's external id", external_id_of_another),
    Question("new e-mail", "3 a new e-mail with A's external id", new_email),
    Question("one phone", "4 two rows with one phone", one_phone_twice),
    Question("upper case", "5 the same e-mail in upper case", upper_case),
    Question("second e-mail", "6 a look-up by a second e-mail", second_email),
    Question("bad phone", "7 a good e-mail with a bad phone", bad_phone),
    Question("id alone", "8 a row with a profile's id alone", id_alone),
)


def _clash(trial: Trial, a: Person, b: Person, row: Person) -> Seen:
    """Make both people and import a row that names them; a merge may come a while after the import's end."""
    before = dict(zip("AB", make(trial, a, b), strict=True))
    told = send(trial, row)
    if not told.taken:
        return _refused(told)
    ids = [each.id for each in before.values()]
    after = trial.until(lambda: look(trial, ids, []), lambda seen: len(seen) < len(ids), SETTLE_S)
    return clash(before, after, told.said)


def _refused(told: ImportAnswer) -> Seen:
    return Seen("refuse", told.said)


def _row_of(shown: str | None, emails: list[str]) -> str:
    names = dict(zip(emails, ("the first row", "the last row"), strict=True))
    return names.get(shown or "", "neither row")


def _finds(found: bool) -> str:
    return "finds the profile" if found else "finds nobody"
