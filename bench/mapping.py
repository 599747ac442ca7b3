"""Figure: the cost of mapping a person, compared with the cost of checking the phone number alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import orjson
import phonenumbers

from bench.messages import number, profile
from bench.report import Figure, Row, at_most
from bench.sizes import Sizes
from mappings.profile import to_profile
from mappings.rules import Rules
from mappings.sources import read

TARGET = 3.0
#: Country, phone as E.164, phone in national format; `{}` is a number of four digits.
_PHONES = (
    ("US", "+1415555{}", "(415) 555-{}"),
    ("GB", "+44207946{}", "020 7946 {}"),
    ("DE", "+49301234{}", "030 1234{}"),
    ("FR", "+331420{}9", "01 42 0{}9"),
)
_RULES = Rules(alternate_identifier="customer")
_HOW = """\
A person of mParticle (three identities, five attributes), as stored in a queue, becomes a Klaviyo profile. Compared
with `phonenumbers` alone on the same numbers: parse, is_valid_number and format_number. CPU time of one core. All
numbers are different, from four countries, so that no cache helps."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure both ways of writing a phone, each in turns with `phonenumbers` alone."""
    rows = [_row("phones as E.164", 1, sizes), _row("phones as written at home", 2, sizes)]
    return Figure("Mapping", _HOW, rows)


def _row(what: str, form: int, sizes: Sizes) -> Row:
    numbers = phones(form, sizes.people)
    fragments = [_fragment(i, country, phone) for i, (country, phone) in enumerate(numbers)]
    ours, theirs = [], []
    for _ in range(sizes.rounds + 1):
        theirs.append(seconds(lambda: check(numbers)))
        ours.append(seconds(lambda: _map(fragments)))
    # The first round of each loads the metadata of phonenumbers.
    person, phone = (median(rounds[1:]) / sizes.people for rounds in (ours, theirs))
    return Row(
        f"Mapping a person, {what}",
        f"{person * 1e6:.0f} us, {1 / person:,.0f} a second on a core",
        f"{phone * 1e6:.0f} us `phonenumbers` alone",
        at_most(person / phone, TARGET),
    )


def phones(form: int, count: int) -> list[tuple[str, str]]:
    """Return so many numbers, each with its country. `form`: 1 for E.164, 2 for the national format."""
    return [(_PHONES[i % 4][0], _PHONES[i % 4][form].format(f"{i % 10_000:04d}")) for i in range(count)]


def _fragment(i: int, country: str, phone: str) -> bytes:
    person = profile(number(i), 1, phone=phone, country=country)
    attributes = person["audiences"][0]["user_attributes"]
    kept = {"mpid": person["mpid"], "user_identities": person["user_identities"], "user_attributes": attributes}
    return orjson.dumps(kept)


def _map(fragments: Sequence[bytes]) -> None:
    for fragment in fragments:
        to_profile(read("mparticle", fragment), _RULES)


def check(numbers: Sequence[tuple[str, str]]) -> None:
    """Do the work of `phonenumbers` alone for these numbers."""
    for country, phone in numbers:
        parsed = phonenumbers.parse(phone, country)
        phonenumbers.is_valid_number(parsed)
        phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def seconds(work: Callable[[], None]) -> float:
    """Return the seconds of this process's CPU time that the work takes."""
    began = time.process_time()
    work()
    return time.process_time() - began
