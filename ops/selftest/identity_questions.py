"""Eight questions about what an account does with shared identifiers, which Klaviyo's documents leave open.

A and B are two people created for each question, and removed afterwards with everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ops.selftest.changes import Seen, clash
from ops.selftest.people import SETTLE_S, ImportAnswer, Person, free_phone, holder, listed, look, make, send
from ops.selftest.trial import Trial, TrialFailed


def phone_of_another(trial: Trial) -> Seen:
    """Test a row with a phone whose owner also has an e-mail, as in a family."""
    a, b, phone = trial.email("a1"), trial.email("b1"), free_phone(trial)
    return _clash(trial, {"email": a}, {"email": b, "phone_number": phone}, {"email": a, "phone_number": phone})


def phone_alone(trial: Trial) -> Seen:
    """Test a row with the phone of a profile that has only a phone; Klaviyo merges it (when SMS profiles merge)."""
    a, phone = trial.email("a1b"), free_phone(trial)
    return _clash(trial, {"email": a}, {"phone_number": phone}, {"email": a, "phone_number": phone})


def external_id_of_another(trial: Trial) -> Seen:
    """Test a row with another's external id. It ranks before the e-mail in Klaviyo, so A loses."""
    a, b, of_b = trial.email("a2"), trial.email("b2"), f"{trial.mark}-b2"
    return _clash(trial, {"email": a}, {"email": b, "external_id": of_b}, {"email": a, "external_id": of_b})


def new_email(trial: Trial) -> Seen:
    """Test a new e-mail with a known external id. Both e-mails are looked up, because a profile shows only one."""
    old, new, of_a = trial.email("a3"), trial.email("new3"), f"{trial.mark}-a3"
    (person,) = make(trial, {"email": old, "external_id": of_a})
    answer = send(trial, {"email": new, "external_id": of_a})
    if not answer.taken:
        return _refused(answer)
    with_new, with_old = holder(trial, new) == person.id, holder(trial, old) == person.id
    if not with_new:
        return Seen("two profiles", f"the new e-mail has its own profile ({answer.said})")
    if with_old:
        return Seen("append", f"A's profile has both e-mails ({answer.said})")
    return Seen("rename", f"A's profile has the new e-mail, and no profile has the old one ({answer.said})")


def one_phone_twice(trial: Trial) -> Seen:
    """Test two new people with one phone in one import."""
    emails, phone = [trial.email("a4"), trial.email("b4")], free_phone(trial)
    answer = send(trial, *({"email": email, "phone_number": phone} for email in emails))
    if not answer.taken:
        return _refused(answer)
    seen = trial.until(lambda: look(trial, [], emails), lambda found: len(found) == len(emails), SETTLE_S)
    if not seen:
        raise TrialFailed(f"neither is found by e-mail after {SETTLE_S:.0f} s ({answer.said})")
    if len(seen) == len(emails):
        having = [each for each in seen.values() if each.phone_number == phone]
        return Seen("two profiles", f"each has a profile; {len(having)} of them with the phone ({answer.said})")
    (both,) = seen.values()
    return Seen(
        "one profile",
        f"both became one profile, which shows the e-mail of {_row_of(both.email, emails)} ({answer.said})",
    )


def upper_case(trial: Trial) -> Seen:
    """Test one address, first in lower case, then in upper case."""
    email = trial.email("a5")
    (person,) = make(trial, {"email": email})
    answer = send(trial, {"email": email.upper()})
    if not answer.taken:
        return _refused(answer)
    same = {each.id for each in answer.wrote} == {person.id}
    shown = ", ".join(sorted({each.email or "none" for each in answer.wrote}))
    return Seen("one profile" if same else "two profiles", f"the import wrote to {shown} ({answer.said})")


def second_email(trial: Trial) -> Seen:
    """Test a second address of a member, added in the only way that Klaviyo documents (multi email profiles)."""
    first, second = trial.email("a6"), trial.email("second6")
    (person,) = make(trial, {"email": first}, onto=trial.list_id)
    if not listed(trial, first):
        raise TrialFailed("the import added nobody to the list")
    answer = send(trial, {"email": first}, meta={"patch_identifiers": {"append": {"email": [second]}}})
    if not answer.taken:
        return Seen("one e-mail", f"Klaviyo does not accept a second one: {answer.said}")
    found = trial.until(lambda: person.id in look(trial, [], [second]), bool, SETTLE_S)
    on_list = found and listed(trial, second, SETTLE_S)
    if {holder(trial, second), holder(trial, first)} != {person.id}:
        return Seen("one e-mail", f"Klaviyo does not keep the second one ({answer.said})")
    return Seen(
        "several e-mails", f"a look-up of profiles by the second one {_finds(found)}, of members {_finds(on_list)}"
    )


def bad_phone(trial: Trial) -> Seen:
    """Test an e-mail with a number that is too short."""
    phone = free_phone(trial)[:8]
    answer = send(trial, {"email": trial.email("a7"), "phone_number": phone})
    if not answer.taken:
        return _refused(answer)
    named = (
        f"X-Klaviyo-Partial-Failure: {', '.join(answer.left_out)}"
        if answer.left_out
        else "no X-Klaviyo-Partial-Failure"
    )
    if any(each.phone_number for each in answer.wrote):
        return Seen("take", f"the profile has a phone ({answer.said}, {named})")
    return Seen("leave out", f"the profile has no phone ({answer.said}, {named})")


def id_alone(trial: Trial) -> Seen:
    """Test a row with only Klaviyo's id of a profile, imported onto the list."""
    email = trial.email("a8")
    (person,) = make(trial, {"email": email})
    answer = send(trial, {}, onto=trial.list_id, id=person.id)
    if not answer.taken:
        return _refused(answer)
    return Seen("take", f"the profile is {'' if listed(trial, email) else 'not '}on the list ({answer.said})")


class Question(NamedTuple):
    """A question. `name`: its name in the verdict. `asked`: its text, with its number."""

    name: str
    asked: str
    ask: Callable[[Trial], Seen]


#: The questions, in the order in which they are asked.
QUESTIONS: Final = (
    Question("phone", "1 A's e-mail with B's phone", phone_of_another),
    Question("phone alone", "1 the same, with a B who has only a phone", phone_alone),
    Question("external id", "2 A's e-mail with B's external id", external_id_of_another),
    Question("new e-mail", "3 a new e-mail with A's external id", new_email),
    Question("one phone", "4 two rows with one phone", one_phone_twice),
    Question("upper case", "5 the same e-mail in upper case", upper_case),
    Question("second e-mail", "6 a look-up by a second e-mail", second_email),
    Question("bad phone", "7 a good e-mail with a bad phone", bad_phone),
    Question("id alone", "8 a row with only a profile's id", id_alone),
)


def _clash(trial: Trial, a: Person, b: Person, row: Person) -> Seen:
    """Create both people and import a row that names them; a merge may happen a while after the import."""
    before = dict(zip("AB", make(trial, a, b), strict=True))
    answer = send(trial, row)
    if not answer.taken:
        return _refused(answer)
    ids = [each.id for each in before.values()]
    after = trial.until(lambda: look(trial, ids, []), lambda seen: len(seen) < len(ids), SETTLE_S)
    return clash(before, after, answer.said)


def _refused(answer: ImportAnswer) -> Seen:
    return Seen("refuse", answer.said)


def _row_of(shown: str | None, emails: list[str]) -> str:
    names = dict(zip(emails, ("the first row", "the last row"), strict=True))
    return names.get(shown or "", "neither row")


def _finds(found: bool) -> str:
    return "finds the profile" if found else "finds nobody"
