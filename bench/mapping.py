"""Figure: the cost of mapping a person, compared with the cost of checking the phone number alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path
from statistics import median

import orjson
import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

from bench.messages import number, profile
from bench.report import Figure, Row, at_most
from bench.sizes import Sizes
from mappings.phone import alpha2
from mappings.profile import to_profile
from mappings.rules import Rules
from mappings.sources import read

#: The most that mapping a person may take, of `phonenumbers` alone: for four countries, and for all regions.
TARGET, TARGET_OF_ALL = 0.8, 1.0
E164, HOME = 1, 2
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
with `phonenumbers` alone on the same numbers, with its pattern cache on: parse, is_valid_number and format_number. All
numbers are valid. Those of four countries are all different, so that no cache helps; those of all regions are the
library's examples and their neighbours, up to a hundred for a region. CPU time of one core; the ratios are medians of
those of the rounds."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure both ways of writing a phone, each in turns with `phonenumbers` alone."""
    ways = (("E.164", E164), ("written at home", HOME))
    rows = [_row(f"phones as {what}", phones(form, sizes.people), TARGET, sizes) for what, form in ways]
    rows += [
        _row(f"phones of all regions, as {what}", of_all_regions(form, sizes.people), TARGET_OF_ALL, sizes)
        for what, form in ways
    ]
    return Figure("Mapping", _HOW, rows)


def _row(what: str, numbers: list[tuple[str, str]], target: float, sizes: Sizes) -> Row:
    ours, theirs = in_turns(mapping_of(numbers), lambda: check(numbers), sizes.rounds)
    person, phone = (median(rounds) / len(numbers) for rounds in (ours, theirs))
    return Row(
        f"Mapping a person, {what}",
        f"{person * 1e6:.0f} us, {1 / person:,.0f} a second on a core",
        f"{phone * 1e6:.0f} us `phonenumbers` alone",
        at_most(ratio(ours, theirs), target),
    )


def mapping_of(numbers: Sequence[tuple[str, str]]) -> Callable[[], None]:
    """Return the work of mapping a person with each of these numbers."""
    fragments = [_fragment(i, country, phone) for i, (country, phone) in enumerate(numbers)]
    return lambda: _map(fragments)


def in_turns(ours: Callable[[], None], theirs: Callable[[], None], rounds: int) -> tuple[list[float], list[float]]:
    """Return the CPU seconds of both in each round after the first, which loads the metadata of phonenumbers."""
    found = [(seconds(ours), seconds(theirs)) for _ in range(rounds + 1)][1:]
    return [our for our, _ in found], [their for _, their in found]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios of the rounds."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def phones(form: int, count: int) -> list[tuple[str, str]]:
    """Return so many numbers, each with its country."""
    return [(_PHONES[i % 4][0], _PHONES[i % 4][form].format(f"{i % 10_000:04d}")) for i in range(count)]


def of_all_regions(form: int, count: int) -> list[tuple[str, str]]:
    """Return so many numbers of all regions in turn, each with its region."""
    written = PhoneNumberFormat.E164 if form == E164 else PhoneNumberFormat.NATIONAL
    regions = [region for region in sorted(phonenumbers.SUPPORTED_REGIONS) if alpha2(region)][:count]
    known = [(region, _neighbours(region)) for region in regions]
    return [
        (region, phonenumbers.format_number(numbers[i // len(known) % len(numbers)], written))
        for i, (region, numbers) in zip(range(count), cycle(known), strict=False)
    ]


@cache
def _neighbours(region: str) -> list[PhoneNumber]:
    """Return the region's valid numbers that differ from its example in the last two digits."""
    example = phonenumbers.example_number(region)
    assert example  # noqa: S101  # each region has one
    assert example.national_number  # noqa: S101
    first = example.national_number // 100 * 100
    near = [PhoneNumber(country_code=example.country_code, national_number=first + last) for last in range(100)]
    return [number for number in near if phonenumbers.is_valid_number_for_region(number, region)] or [example]


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


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds of this process's CPU time that the work takes."""
    began = time.process_time()
    work()
    return time.process_time() - began
