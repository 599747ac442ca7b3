"""What a row says, whatever its format, becomes the people who are sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from identity.blocked import Blocked
from mappings import contact
from mappings import email as addresses
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE
from mappings.rules import Rules
from snapshots.rows import Selection, SnapshotRow, Unusable, row

#: Spellings of the identifiers, without case, hyphens, blanks and underscores (Klaviyo: columns of an SFTP import;
#: Amperity: Klaviyo destination).
_SPELLINGS: Final = {
    "email": EMAIL,
    "phone": PHONE,
    "phonenumber": PHONE,
    "externalid": EXTERNAL_ID,
    "customerid": EXTERNAL_ID,
}
_SIGNS: Final = str.maketrans("", "", "-_ ")
#: What Klaviyo's names are called in a fragment (`mappings.sources`) and by the model of identity, strongest first.
_FRAGMENT: Final = {EMAIL: "email", EXTERNAL_ID: "external_id", PHONE: "phone"}


class Described(NamedTuple):
    """What a row says of a customer, unchecked. `known`: by Klaviyo's names; of e-mails it may be a list.

    `customer`: who the sender counts as one, where that is not the external id. `missing`: the reason when nothing
    identifies anybody.
    """

    number: int
    known: dict[str, Any]
    attributes: dict[str, Any]
    customer: str = ""
    missing: str = "identity_missing"


def identifier(name: str) -> str | None:
    """Which identifier, by Klaviyo's name, a column or key of that name holds; None for an attribute."""
    return _SPELLINGS.get(name.translate(_SIGNS).lower())


def people(told: Described, selection: Selection, rules: Rules, blocked: Blocked) -> Iterator[SnapshotRow | Unusable]:
    """One person for each e-mail of the customer; without any, the one whom the external id or else the phone names."""
    emails = _emails(told.known.get(EMAIL))
    customer = told.customer or contact.text(told.known.get(EXTERNAL_ID)) or ""
    if blocked.holds("external_id", customer):
        customer = ""
    if len(emails) < 2:
        yield _person(told, emails[0] if emails else None, customer, selection, rules, blocked)
        return
    for email in emails:
        # Without phone and id: Klaviyo knows one person by each, and these are several.
        whose = customer or addresses.canonical(str(emails[0]))
        yield _person(told, email, whose, selection, rules, blocked, alone=True)


def _emails(value: object) -> list[object]:
    """Those that are not blank, each once; what is no text is left to be found invalid."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    given = value if isinstance(value, list) else [value]
    return [*{addresses.canonical(str(email)): email for email in given if contact.text(email) != ""}.values()]


def _person(
    told: Described,
    email: object,
    customer: str,
    selection: Selection,
    rules: Rules,
    blocked: Blocked,
    alone: bool = False,
) -> SnapshotRow | Unusable:
    """`alone`: whatever else is known of the customer is not sent with this address."""
    fields = told.known | {EMAIL: email, "country_code": told.attributes.get("country")}
    # E.164 here, and not by the mapping alone: an update may go without the country by which a phone is read.
    found, wrong = contact.read(fields, _FRAGMENT, rules)
    known = {_FRAGMENT[name]: value for name, value in found.items() if not blocked.holds(_FRAGMENT[name], value)}
    if EMAIL in wrong or not known:
        return Unusable(told.number, _why(told, found, wrong))
    whole = selection.full and not alone
    person: dict[str, Any] = dict(known if whole or "email" not in known else {"email": known["email"]})
    if whole and "email" in known:
        # The mapping says so, person by person, when it leaves one of them out.
        said = {_FRAGMENT[name]: contact.text(fields[name]) for name in (*wrong, *found)}
        person |= {name: text for name, text in said.items() if text and name not in known}
    if sent := _attributes(told.attributes, selection):
        person["attributes"] = sent
    return row(told.number, person, customer, known)


def _why(told: Described, found: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    """Why a row names nobody."""
    if EMAIL in wrong:
        return wrong[EMAIL]
    return "identifier_blocked" if found else next(iter(wrong.values()), told.missing)


def _attributes(attributes: dict[str, Any], selection: Selection) -> dict[str, Any]:
    """Those that are sent; an empty text clears as null does, because a CSV has no null."""
    return {
        name: None if value == "" else value
        for name, value in attributes.items()
        if selection.full or name in selection.attributes
    }
