"""Turn the customers read from a body of any format into rows, one per person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from identity.blocked import DEFAULT, Blocked
from mappings import contact, fields
from mappings.columns import PROPERTIES
from mappings.errors import Reason, Unfit
from mappings.fields import READS
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE, canonical_email
from mappings.rules import Rules
from mappings.values import MAX_STRING_BYTES, clean, clean_text, text_field
from snapshots.report import ReadReport
from snapshots.rows import Selection, SnapshotRow, Unusable, row

#: The largest whole number that a fraction has exactly.
_EXACT: Final = 2**53
#: Klaviyo's name -> the name in a fragment (`mappings.sources`) and in `identity`, strongest first.
_FRAGMENT: Final = {EMAIL: "email", EXTERNAL_ID: "external_id", PHONE: "phone"}


class Described(NamedTuple):
    """A customer of the body, unchecked. `known`: identifiers by Klaviyo's names; the e-mail may be a list.

    `customer`: the sender's id of the customer, if it is not the external id. `missing`: the reason to give when the
    customer has no identifier. `properties`: custom properties that came as one object.
    """

    number: int
    known: dict[str, Any]
    attributes: dict[str, Any]
    customer: str = ""
    missing: str = "identity_missing"
    properties: dict[str, Any] | None = None


#: Text of this many characters is within Klaviyo's limit in any alphabet.
_SHORT: Final = MAX_STRING_BYTES // 4
_Read = Callable[[Any], Any]


class FieldFaults:
    """The faults of attributes under the rules of one destination."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._reads: dict[str, _Read | Reason] = {}

    def of(self, name: str, value: object) -> Reason | None:
        """Return why the mapping would leave the value of an attribute out; None if it would not."""
        read = self._reads.get(name) or self._remembered(name)
        if isinstance(read, Reason):
            return read
        if value is None or (isinstance(value, str) and len(value) < _SHORT and read in (clean, text_field)):
            return None
        try:
            plain = clean_text(value) if isinstance(value, str) else clean(value)
            if plain and not (isinstance(plain, str) and plain.isspace()):
                read(plain)
        except Unfit as unfit:
            return unfit.reason
        return None

    def _remembered(self, name: str) -> _Read | Reason:
        try:
            target = fields.place(name, self._rules, klaviyo_names=True).target
            found: _Read | Reason = clean if target.is_property else READS[target.name]
        except Unfit as unfit:
            found = unfit.reason
        if len(self._reads) < fields.CACHED_NAMES:
            self._reads[name] = found
        return found


class PersonReader:
    """Turns customers into people, and reports what is left out of them.

    `rules`: of the destination. `blocked`: values that identify nobody. `nulls`: values without case that mean nothing.
    """

    def __init__(
        self,
        selection: Selection,
        rules: Rules,
        blocked: Blocked,
        report: ReadReport,
        nulls: frozenset[str] = frozenset(),
    ) -> None:
        self._selection = selection
        self._rules = rules
        self._blocked = blocked
        self._report = report
        self._nulls = nulls
        self._faults = FieldFaults(rules)

    def people(self, described: Described) -> Iterator[SnapshotRow | Unusable]:
        """Yield a person for each e-mail of the customer; without one, a person by external id or else phone."""
        described = self._without_nulls(described)
        emails = _emails(described.known.get(EMAIL), self._blocked)
        customer = described.customer or contact.text(described.known.get(EXTERNAL_ID)) or ""
        if self._blocked.holds("external_id", customer):
            customer = ""
        sent: dict[str, Any] | None = None
        for email in emails or [None]:
            # Several addresses are several people: without phone and id, which identify one person at Klaviyo.
            alone = len(emails) > 1
            found, wrong = self._identifiers(described, email)
            known = {_FRAGMENT[name]: value for name, value in found.items()}
            if _is_invalid(wrong) or not known:
                yield Unusable(described.number, _why(described, wrong))
                continue
            if sent is None:  # once for each row
                sent = self._attributes(described)
                for name, reason in wrong.items():
                    self._report.leave_out(name, reason)
            person = self._person(described, wrong, known, alone=alone)
            whose = (customer or canonical_email(str(emails[0]))) if alone else customer
            yield row(described.number, person | ({"attributes": sent} if sent else {}), whose, known)

    def _without_nulls(self, described: Described) -> Described:
        """Return the customer without values that mean nothing, and with ids that pandas made fractions as ids."""
        known = {name: self._plain(value) for name, value in described.known.items()}
        given = {name for name, value in known.items() if value not in (None, "", [])}
        for name in given & {EMAIL, PHONE}:
            # Not alone: then the reason is that the address or number is not one.
            if len(given) > 1 and isinstance(known[name], str) and DEFAULT.holds(EXTERNAL_ID, known[name].strip()):
                known[name] = ""
        if not self._nulls:
            return described._replace(known=known)
        attributes = {name: self._plain(value) for name, value in described.attributes.items()}
        return described._replace(known=known, attributes=attributes)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, str):
            return "" if self._nulls and value.strip().casefold() in self._nulls else value
        if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
            return int(value)
        return value

    def _identifiers(self, described: Described, email: object) -> tuple[dict[str, str], dict[str, Reason]]:
        fields = described.known | {EMAIL: email, "country_code": described.attributes.get("country")}
        # E.164 already here, not only in the mapping: an update may lack the country that is needed to read a phone.
        return contact.read(fields, _FRAGMENT, self._rules, self._blocked.holds)

    def _person(
        self,
        described: Described,
        wrong: Mapping[str, str],
        known: Mapping[str, str],
        *,
        alone: bool,
    ) -> dict[str, Any]:
        """Return the identifiers to send. `alone`: none of the customer's others with this address."""
        whole = self._selection.full and not alone
        person: dict[str, Any] = dict(known if whole or "email" not in known else {"email": known["email"]})
        if whole and "email" in known:
            # The mapping reports for each person when it leaves one of them out.
            said = {_FRAGMENT[name]: contact.text(described.known.get(name)) for name in wrong}
            person |= {name: text for name, text in said.items() if text}
        return person

    def _attributes(self, described: Described) -> dict[str, Any]:
        """Return the attributes to send, without those that Klaviyo would not take.

        An empty text clears an attribute like null, because a CSV has no null.
        """
        has = self._selection.has
        sent = {name: None if value == "" else value for name, value in described.attributes.items() if has(name)}
        if described.properties:
            every = has(PROPERTIES)
            sent |= {name: value for name, value in described.properties.items() if every or has(name)}
        for name, value in [*sent.items()]:
            if reason := self._faults.of(name, value):
                self._report.leave_out(name, reason)
                del sent[name]
        return sent


def _emails(value: object, blocked: Blocked) -> list[object]:
    """Return the e-mails that are not blank, each once; values that are not text stay and are found invalid later.

    Of several, those that are blocked are left out.
    """
    if isinstance(value, str):
        return [value] if value.strip() else []
    given = value if isinstance(value, list) else [value]
    found = {canonical_email(str(email)): email for email in given if contact.text(email) != ""}
    return [each for name, each in found.items() if not blocked.holds(EMAIL, name)] or [*found.values()][:1]


def _is_invalid(wrong: Mapping[str, Reason]) -> bool:
    """Return whether the e-mail is wrong; a blocked one is none."""
    return wrong.get(EMAIL, Reason.IDENTIFIER_BLOCKED) is not Reason.IDENTIFIER_BLOCKED


def _why(described: Described, wrong: Mapping[str, Reason]) -> str:
    """Return the reason why a row identifies nobody."""
    if _is_invalid(wrong):
        return wrong[EMAIL]
    if Reason.IDENTIFIER_BLOCKED in wrong.values():
        return Reason.IDENTIFIER_BLOCKED
    return next(iter(wrong.values()), described.missing)
