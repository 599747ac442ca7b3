"""Turn the customers read from a body of any format into rows, one per person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from identity.blocked import Blocked
from mappings import contact
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE, canonical_email
from mappings.rules import Rules
from snapshots.rows import Selection, SnapshotRow, Unusable, row

#: Spellings of the identifiers, without case, hyphens, spaces and underscores (Klaviyo: columns of an SFTP import;
#: Amperity: Klaviyo destination).
_SPELLINGS: Final = {
    "email": EMAIL,
    "phone": PHONE,
    "phonenumber": PHONE,
    "externalid": EXTERNAL_ID,
    "customerid": EXTERNAL_ID,
}
_SIGNS: Final = str.maketrans("", "", "-_ ")
#: Klaviyo's name -> the name in a fragment (`mappings.sources`) and in `identity`, strongest first.
_FRAGMENT: Final = {EMAIL: "email", EXTERNAL_ID: "external_id", PHONE: "phone"}


class Described(NamedTuple):
    """A customer of the body, unchecked. `known`: identifiers by Klaviyo's names; the e-mail may be a list.

    `customer`: the sender's id of the customer, if it is not the external id. `missing`: the reason to give when the
    customer has no identifier.
    """

    number: int
    known: dict[str, Any]
    attributes: dict[str, Any]
    customer: str = ""
    missing: str = "identity_missing"


def identifier(name: str) -> str | None:
    """Return Klaviyo's name of the identifier in a column or key of that name, or None for an attribute."""
    return _SPELLINGS.get(name.translate(_SIGNS).lower())


def people(
    described: Described, selection: Selection, rules: Rules, blocked: Blocked
) -> Iterator[SnapshotRow | Unusable]:
    """Yield a person for each e-mail of the customer; without an e-mail, one person by external id or else phone."""
    emails = _emails(described.known.get(EMAIL))
    customer = described.customer or contact.text(described.known.get(EXTERNAL_ID)) or ""
    if blocked.holds("external_id", customer):
        customer = ""
    if len(emails) < 2:
        yield _person(described, emails[0] if emails else None, customer, selection, rules, blocked)
        return
    for email in emails:
        # Without phone and id: each identifies one person at Klaviyo, and these are several.
        whose = customer or canonical_email(str(emails[0]))
        yield _person(described, email, whose, selection, rules, blocked, alone=True)


def _emails(value: object) -> list[object]:
    """Return the e-mails that are not blank, each once; values that are not text stay and are found invalid later."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    given = value if isinstance(value, list) else [value]
    return [*{canonical_email(str(email)): email for email in given if contact.text(email) != ""}.values()]


def _person(
    described: Described,
    email: object,
    customer: str,
    selection: Selection,
    rules: Rules,
    blocked: Blocked,
    alone: bool = False,
) -> SnapshotRow | Unusable:
    """Return the row of one person. `alone`: send no other identifiers of the customer with this address."""
    fields = described.known | {EMAIL: email, "country_code": described.attributes.get("country")}
    # E.164 already here, not only in the mapping: an update may lack the country that is needed to read a phone.
    found, wrong = contact.read(fields, _FRAGMENT, rules)
    known = {_FRAGMENT[name]: value for name, value in found.items() if not blocked.holds(_FRAGMENT[name], value)}
    if EMAIL in wrong or not known:
        return Unusable(described.number, _why(described, found, wrong))
    whole = selection.full and not alone
    person: dict[str, Any] = dict(known if whole or "email" not in known else {"email": known["email"]})
    if whole and "email" in known:
        # The mapping reports for each person when it leaves one of them out.
        said = {_FRAGMENT[name]: contact.text(fields[name]) for name in (*wrong, *found)}
        person |= {name: text for name, text in said.items() if text and name not in known}
    if sent := _attributes(described.attributes, selection):
        person["attributes"] = sent
    return row(described.number, person, customer, known)


def _why(described: Described, found: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    """Return the reason why a row identifies nobody."""
    if EMAIL in wrong:
        return wrong[EMAIL]
    return "identifier_blocked" if found else next(iter(wrong.values()), described.missing)


def _attributes(attributes: dict[str, Any], selection: Selection) -> dict[str, Any]:
    """Return the attributes to send; an empty text clears one like null, because a CSV has no null."""
    return {
        name: None if value == "" else value
        for name, value in attributes.items()
        if selection.full or name in selection.attributes
    }
