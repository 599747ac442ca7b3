"""Coordinates, time zones and addresses of machines as Klaviyo's `location` takes them."""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from functools import cache

from mappings.errors import Reason, Unfit

#: Klaviyo: profile location; four decimals are about eleven metres.
_DECIMALS = 4
_MAX_LATITUDE = 90
_MAX_LONGITUDE = 180
_DECIMAL = re.compile(r"[+-]?\d{1,3}(?:\.\d{1,20})?", re.ASCII)
#: Names of the time zone database that are no place: the machine's own zone and the two placeholders.
_NO_PLACE = {"Factory", "localtime", "posixrules"}


def latitude(value: object) -> float:
    """Degrees north, rounded to four decimals; raises Unfit(latitude_invalid)."""
    return _degrees(value, _MAX_LATITUDE, Reason.LATITUDE_INVALID)


def longitude(value: object) -> float:
    """Degrees east, rounded to four decimals; raises Unfit(longitude_invalid)."""
    return _degrees(value, _MAX_LONGITUDE, Reason.LONGITUDE_INVALID)


def _degrees(value: object, limit: int, reason: Reason) -> float:
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
        raise Unfit(reason)
    return round(value, _DECIMALS)


@cache
def _time_zones() -> dict[str, str]:
    """Lower case -> the name as the time zone database spells it; read from disk once per process."""
    return {name.lower(): name for name in zoneinfo.available_timezones() - _NO_PLACE}


def time_zone(value: object) -> str:
    """The IANA name, whatever case it came in; raises Unfit(timezone_invalid)."""
    name = _time_zones().get(value.strip().lower()) if isinstance(value, str) else None
    if name is None:
        raise Unfit(Reason.TIMEZONE_INVALID)
    return name


def ip(value: object) -> str:
    """An IPv4 or IPv6 address as text; raises Unfit(ip_invalid)."""
    try:
        return str(ipaddress.ip_address(str(value).strip()))
    except ValueError as error:
        raise Unfit(Reason.IP_INVALID) from error
