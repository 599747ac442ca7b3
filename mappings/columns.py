"""Recognises what the columns of a file mean, by the names that common programs give them. Pure.

Sources: Klaviyo's CSV and SFTP imports and its older names with `$`; Amperity's standard fields (`given_name`,
`surname`, `postal`); Shopify's export of customers; Segment's traits (`firstName`, `address.city`, `avatar`); Ferry's
own export. An id is recognised by two names only, because a wrong one would confuse people: other columns are named in
the setting `columns`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from mappings.fields import STANDARD
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE

#: The column whose cells are JSON objects of custom properties.
PROPERTIES: Final = "properties"
#: Names without case, spaces and signs, the best first: of two columns that mean one field, the better name gets it.
_IDENTIFIERS: Final = {
    EMAIL: ("email", "emailaddress"),
    PHONE: ("phonenumber", "phone"),
    EXTERNAL_ID: ("externalid", "customerid"),
}
_FIELDS: Final = {
    "first_name": ("firstname", "givenname", "forename", "fname"),
    "last_name": ("lastname", "surname", "familyname", "lname"),
    "organization": ("organization", "organisation", "company", "companyname", "defaultaddresscompany"),
    "title": ("title", "jobtitle"),
    "image": ("image", "imageurl", "avatar"),
    "locale": ("locale",),
    "address1": ("address1", "addressline1", "address", "streetaddress", "street", "addressstreet"),
    "address2": ("address2", "addressline2"),
    "city": ("city", "addresscity", "town"),
    "region": ("region", "stateregion", "state", "stateprovince", "province", "addressstate", "provincecode"),
    "zip": ("zip", "zipcode", "postalcode", "postal", "postcode", "zippostalcode", "addresspostalcode", "addresszip"),
    "country": ("country", "countryregion", "addresscountry", "countrycode"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lng", "lon"),
    "timezone": ("timezone",),
    "ip": ("ip", "ipaddress"),
}
#: Shopify writes the first address of a customer as `Default Address City` and so on.
_SHOPIFY: Final = "defaultaddress"
_RANKS: Final[dict[str, tuple[str, int]]] = {
    **{name: (target, rank) for target, names in (_IDENTIFIERS | _FIELDS).items() for rank, name in enumerate(names)},
    **{
        _SHOPIFY + name: (target, len(names) + rank)
        for target, names in _FIELDS.items()
        for rank, name in enumerate(names)
        if target in STANDARD
    },
}
#: How Ferry's export marks a property whose name a field of Klaviyo has.
_MARK: Final = " (property)"

Kind = Literal["identifier", "field", "property", "properties", "ignored"]


class ColumnSettings(NamedTuple):
    """How a user wants columns to be read.

    `columns`: Klaviyo's name, or that of a property -> the column. `nulls`: values without case that mean nothing.
    """

    columns: Mapping[str, str] = {}
    nulls: frozenset[str] = frozenset()


class ColumnTarget(NamedTuple):
    """What a column becomes. `name`: Klaviyo's name or that of the property. `rank`: 0 is the best name of a target."""

    kind: Kind
    name: str
    rank: int = 0

    def __str__(self) -> str:
        if self.kind == "properties":
            return "one property for each name in the cell"
        return {"property": f"property {self.name}", "ignored": "nothing"}.get(self.kind, self.name)


class ColumnPlaces(NamedTuple):
    """Where columns are, for reading the cells of many rows: places from 0, with what the column becomes."""

    identifiers: list[tuple[int, str]]
    attributes: list[tuple[int, str]]
    properties: list[int]

    @classmethod
    def of(cls, targets: Sequence[ColumnTarget]) -> ColumnPlaces:
        """Return the places of columns that become these targets."""
        identifiers = [(place, name) for place, (kind, name, _) in enumerate(targets) if kind == "identifier"]
        attributes = [(place, name) for place, (kind, name, _) in enumerate(targets) if kind in ("field", "property")]
        return cls(identifiers, attributes, [place for place, (kind, *_) in enumerate(targets) if kind == "properties"])


class ColumnError(ValueError):
    """The columns cannot be read; the message names them and the remedy."""


#: Rank of a column that the user has named.
_NAMED: Final = -1


def squashed(name: str) -> str:
    """Return a name without case, spaces and signs, as columns are compared."""
    return "".join(filter(str.isalnum, name.casefold()))


def known(name: str) -> str:
    """Return the name under which an attribute is chosen: Klaviyo's for a field in any spelling, else unchanged."""
    target = recognised(name)
    return target.name if target.kind == "field" else name


def recognised(name: str) -> ColumnTarget:
    """Return what a column of that name means by itself."""
    return _remembered(name) if len(name) <= _REMEMBERED_LENGTH else _recognised(name)


def _recognised(name: str) -> ColumnTarget:
    short = squashed(name)
    if short in _RANKS:
        target, rank = _RANKS[short]
        return ColumnTarget("identifier" if target in _IDENTIFIERS else "field", target, rank)
    if short == PROPERTIES:
        return ColumnTarget("properties", PROPERTIES)
    plain = name.removesuffix(_MARK)
    return ColumnTarget("property", name if plain in STANDARD else plain)


_remembered: Final = lru_cache(maxsize=4_096)(_recognised)
#: Characters of a name that is remembered: a name may be as long as a line, and a file may have thousands.
_REMEMBERED_LENGTH: Final = 256

#: Nothing is named, and no value means nothing.
NO_SETTINGS: Final = ColumnSettings()


def layout(names: Sequence[str], settings: ColumnSettings = NO_SETTINGS, *, whole: bool = True) -> list[ColumnTarget]:
    """Return what each column becomes. Raises ColumnError.

    Of several columns for one field the best name gets it, and the others become properties. Two columns for one
    identifier, or with one name, are refused: which one is right, only the user knows. `whole`: these are all columns
    of a file, so each one that the settings name must be there; otherwise they are the names of one JSON object, whose
    identifiers the caller compares by value.
    """
    found = [*map(recognised, names)]
    for wanted, column in settings.columns.items():
        if (index := _place_of(column, names)) is not None:
            found[index] = recognised(wanted)._replace(rank=_NAMED)
        elif whole:
            raise ColumnError(
                f"the setting columns says that {wanted} is in the column {column!r}, which is missing: correct the "
                "setting or the file"
            )
    best: dict[tuple[str, str], int] = {}
    for index in sorted(range(len(names)), key=lambda index: found[index].rank):
        target = found[index]
        first = best.setdefault((target.kind if target.kind == "property" else "", target.name), index)
        if first != index:
            found[index] = _second(names, found, first, index, whole)
    return found


def _second(names: Sequence[str], found: Sequence[ColumnTarget], first: int, index: int, whole: bool) -> ColumnTarget:
    """Return what a column becomes whose target has a better one."""
    better, target = found[first], found[index]
    if target.kind == "identifier" and not whole:
        return target
    is_named = better.rank == _NAMED != target.rank
    if not is_named and (target.kind != "field" or target.rank == better.rank):
        one, other = sorted((first, index))
        raise ColumnError(
            f"columns {one + 1} and {other + 1} have the same meaning, {target}: rename or remove one of them, or "
            "name the right one in the setting columns"
        )
    name = names[index].strip()
    return ColumnTarget("ignored" if target.kind == "identifier" or name in STANDARD else "property", name)


def _place_of(column: str, names: Sequence[str]) -> int | None:
    """Return the place of a column: by exact name, else by its name without case, spaces and signs."""
    if column in names:
        return names.index(column)
    short = squashed(column)
    return next((index for index, name in enumerate(names) if squashed(name) == short), None)
