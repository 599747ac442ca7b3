"""`ferry estimate`: estimate how long an upload takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import click

from commands.options import json_option, var_option
from configuration import settings
from configuration.connections import DEFAULT
from identity.sending import Policy
from klaviyo.lookups import MAX_VALUES
from ops.estimate import (
    FITTING_BYTES,
    IMPORTS,
    LOOK_UPS,
    OURS,
    PROOFS,
    QUESTIONS,
    Estimate,
    Files,
    rows_of,
)
from ops.export.columns import LARGEST
from ops.output import console, print_json, table
from queues.people.identity_tokens import VERIFIED_DAYS
from queues.rate_limits import SHARE
from text.wording import number

#: Bytes of a profile with some twenty properties.
_LARGE_PROFILE: Final = 1_200
_NUMBERS: Final = ("Size", "Uploads", "Identity", "Proof", "Minutes")
_ASKED, _PROVED = (each.less(SHARE).steady for each in (LOOK_UPS, PROOFS))
#: A paragraph each.
_ARITHMETIC: Final = f"""
Uploads = people / size, rounded up. Size is FERRY_UPLOAD_MAX, or upload_max in connections.toml; the largest is \
10,000 people (of up to {FITTING_BYTES} bytes) or 4.5 MB, whichever comes first.
Identity: look-ups of the profiles that have the e-mails, external ids and phones, up to {QUESTIONS} for each \
{MAX_VALUES} new people of an upload with identifiers = "verified". None for known people, whose profile a look-up \
found within {VERIFIED_DAYS} days.
Proof: look-ups of the people on the list, 1 for each {MAX_VALUES} people of an upload with prove = "all", 1 for each \
upload with "sample", none with "off".
Minutes: the largest of uploads / {OURS.steady}, identity / {_ASKED} and proof / {_PROVED}, which run in parallel. \
Limit shows which one it is. Klaviyo accepts {IMPORTS.steady} uploads a minute, and {LOOK_UPS.steady} look-ups of each \
kind; Ferry leaves {SHARE:.0%} of both to your other tools.
A row that names no connection uses the settings of {DEFAULT}. The estimate assumes enough workers, and leaves out the \
time that Klaviyo then takes to import, which is unknown.
Files by SFTP have {LARGEST // 1_000_000} MB each, and Klaviyo does not publish how fast it reads them. They write \
attributes and add nobody to a list: run `ferry sync --reconcile` after them. Its uploads carry one identifier per \
person."""


class Case(NamedTuple):
    """A row of the estimate. `people`: new, known, or empty where it makes no difference."""

    name: str
    people: str
    found: Estimate | Files


@click.command()
@click.option("--profiles", required=True, type=click.IntRange(1), help="Number of people.")
@json_option
@var_option
def estimate(profiles: int, as_json: bool) -> None:
    """Estimate how long an upload takes.

    Uses Klaviyo's published limits and prints the arithmetic: for the current settings, for the largest upload that
    Klaviyo accepts, and for files by SFTP (`ferry export --sftp`), for which Klaviyo publishes no rate. Includes the
    look-ups that the settings `identifiers` and `prove` require, for people who are new to Ferry and for known ones.

    \b
    Examples:
      ferry estimate --profiles 1000000
    """
    found = list(_cases(profiles))
    if as_json:
        print_json([{"case": each.name, **_values(each)} for each in found])
    else:
        _show(profiles, found)


def _cases(profiles: int) -> Iterator[Case]:
    known = settings.load().connections
    for each in known:
        yield from _uploads(f"as set for {each.name}", profiles, each.policy.upload_max, each.identity)
    policy = known.named(DEFAULT).identity
    yield from _uploads("largest upload", profiles, rows_of(FITTING_BYTES), policy)
    yield from _uploads(f"{_LARGE_PROFILE:,} bytes each", profiles, rows_of(_LARGE_PROFILE), policy)
    yield Case("files by SFTP", "", Files(profiles, FITTING_BYTES))
    yield Case(f"files, {_LARGE_PROFILE:,} bytes each", "", Files(profiles, _LARGE_PROFILE))


def _uploads(name: str, profiles: int, rows: int, policy: Policy) -> Iterator[Case]:
    verified = policy.identifiers == "verified"
    yield Case(name, "new", Estimate(profiles, rows, asks=verified, prove=policy.prove))
    yield Case(name, "known", Estimate(profiles, rows, prove=policy.prove))


def _values(case: Case) -> dict[str, float | str | None]:
    each = case.found
    if isinstance(each, Files):
        return {"profiles": each.profiles, "files": each.files, "minutes": None}
    return {
        "people": case.people,
        "profiles": each.profiles,
        "profiles_per_upload": each.rows,
        "uploads": each.uploads,
        "uploads_per_minute": OURS.steady,
        "identity_look_ups": each.identity,
        "identity_look_ups_per_minute": LOOK_UPS.less(SHARE).steady,
        "proof_look_ups": each.proof,
        "proof_look_ups_per_minute": PROOFS.less(SHARE).steady,
        "minutes": round(each.minutes, 2),
        "limited_by": each.limit,
    }


def _show(profiles: int, found: Iterable[Case]) -> None:
    made = table(f"{number(profiles)} people", *_NUMBERS, "Limit", right=_NUMBERS)
    for name, people, each in found:
        if isinstance(each, Files):
            made.add_row(name, "", number(each.files), "", "", "", "unknown")
            continue
        numbers = (each.rows, each.uploads, each.identity, each.proof)
        made.add_row(f"{name}, {people}", *map(number, numbers), f"{each.minutes:,.1f}", each.limit)
    out = console()
    out.print(made)
    out.print(_ARITHMETIC)
