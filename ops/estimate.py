"""`ferry estimate`: how long it takes to upload so many people."""

from __future__ import annotations

import click

import settings
from klaviyo.limiter import SHARE
from ops.columns import LARGEST
from ops.estimating import FITTING_BYTES, IMPORTS, OURS, Estimate, Files, rows_of
from ops.options import json_option, var_option
from ops.output import console, print_json, table
from wording import number

#: Bytes of a profile with some twenty properties.
_LARGE_PROFILE = 1_200


@click.command()
@click.option("--profiles", required=True, type=click.IntRange(1), help="How many people.")
@json_option
@var_option
def estimate(profiles: int, as_json: bool) -> None:
    """Say how long an upload takes.

    At Klaviyo's published limits, with the arithmetic: for the settings as they are, for the largest upload that
    Klaviyo takes, and for files by SFTP (`ferry export --sftp`), of which Klaviyo publishes no rate.
    """
    known = settings.load().connections
    found: dict[str, Estimate | Files] = {
        f"as set for {c.name}": Estimate(profiles, c.policy.upload_max) for c in known
    }
    found["largest upload"] = Estimate(profiles, rows_of(FITTING_BYTES))
    found[f"largest, {_LARGE_PROFILE:,}-byte profiles"] = Estimate(profiles, rows_of(_LARGE_PROFILE))
    found["files by SFTP"] = Files(profiles, FITTING_BYTES)
    found[f"files, {_LARGE_PROFILE:,}-byte profiles"] = Files(profiles, _LARGE_PROFILE)
    if as_json:
        print_json([{"case": name, **_values(each)} for name, each in found.items()])
    else:
        _show(found)


def _values(each: Estimate | Files) -> dict[str, float | None]:
    if isinstance(each, Files):
        return {"profiles": each.profiles, "files": each.files, "minutes": None}
    return {
        "profiles": each.profiles,
        "profiles_per_upload": each.rows,
        "uploads": each.uploads,
        "uploads_per_minute": OURS.steady,
        "minutes": round(each.minutes, 2),
    }


def _show(found: dict[str, Estimate | Files]) -> None:
    made = table("", "Profiles", "per upload", "Uploads", "per minute", "Minutes", right=_NUMBERS)
    for name, each in found.items():
        if isinstance(each, Files):
            made.add_row(name, number(each.profiles), "", number(each.files), "", "not published")
            continue
        numbers = (each.profiles, each.rows, each.uploads, OURS.steady)
        made.add_row(name, *(number(value) for value in numbers), f"{each.minutes:,.1f}")
    out = console()
    out.print(made)
    out.print(
        f"\nUploads = profiles / per upload, rounded up. Minutes = uploads / per minute.\n"
        f"Klaviyo takes {IMPORTS.steady} uploads a minute; {SHARE:.0%} of it is left to your other tools, which makes "
        f"{OURS.steady}.\nThe largest upload is 10,000 profiles (of up to {FITTING_BYTES} bytes) or 4.5 MB, whichever "
        "comes first.\nPer upload is FERRY_UPLOAD_MAX, or upload_max in connections.toml.\n"
        "Enough workers are taken for granted, and the time Klaviyo then takes to import is not known beforehand.\n"
        f"Files by SFTP are of {LARGEST // 1_000_000} MB, with as many bytes a profile; they write attributes and put "
        "nobody on a list:\n`ferry sync --reconcile` after them does, and its uploads carry an identifier each."
    )


_NUMBERS = ("Profiles", "per upload", "Uploads", "per minute", "Minutes")
