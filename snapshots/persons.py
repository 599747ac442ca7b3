"""Turn the customers read from a body of any format into rows, one per person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from identity.blocked import DEFAULT, Blocked
from mappings import contact
from mappings.columns import PROPERTIES
from mappings.errors import Reason
from mappings.identifiers import EMAIL, EXTERNAL_ID, PHONE, canonical_email
from mappings.rules import Rules
from snapshots.attribute_faults import AttributeFaults
from snapshots.customers import Described
from snapshots.report import ReadReport
from snapshots.rows import Selection, SnapshotRow, Unusable, row

#: The largest whole number that a fraction has exactly.
_EXACT: Final = 2**53
#: Klaviyo's name -> the name in a fragment (`mappings.sources`) and in `identity`, strongest first.
_FRAGMENT: Final = {EMAIL: "email", EXTERNAL_ID: "external_id", PHONE: "phone"}
_DIGIT: Final = re.compile(r"\d")


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
        self._faults = AttributeFaults(rules)

    def people(self, described: Described) -> Iterable[SnapshotRow | Unusable]:
        """Return a person for each e-mail of the customer; without one, a person by external id or else phone."""
        if (usual := self._usual(described)) is None:
            return self._by_email(described)
        found, wrong = usual
        customer = found.get(EXTERNAL_ID, "")
        return (self._row(described, found, wrong, customer, self._attributes(described, wrong), alone=False),)

    def _usual(self, described: Described) -> tuple[dict[str, str], dict[str, Reason]] | None:
        """Return the identifiers of a customer with one address or none, if they are usual; None for any other."""
        number = described.known.get(PHONE)
        if self._nulls or described.customer or (isinstance(number, str) and number and _stands_for_none(number)):
            return None
        found = contact.usual(described.known, described.attributes.get("country"), self._rules, self._blocked.holds)
        return found if found and found[0] else None

    def _by_email(self, described: Described) -> Iterator[SnapshotRow | Unusable]:
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
            if _is_invalid(wrong) or not found:
                yield Unusable(described.number, _why(described, wrong))
                continue
            if sent is None:  # once for each row
                sent = self._attributes(described, wrong)
            whose = (customer or canonical_email(str(emails[0]))) if alone else customer
            yield self._row(described, found, wrong, whose, sent, alone=alone)

    def _row(
        self,
        described: Described,
        found: Mapping[str, str],
        wrong: Mapping[str, Reason],
        customer: str,
        sent: dict[str, Any],
        *,
        alone: bool,
    ) -> SnapshotRow:
        person = self._person(described, wrong, found, alone=alone)
        if sent:
            person["attributes"] = sent
        return row(described.number, person, customer, found)

    def _without_nulls(self, described: Described) -> Described:
        """Return the customer without values that mean nothing, and with ids that pandas made fractions as ids."""
        known = {name: self._plain(value) for name, value in described.known.items()}
        given = {name for name, value in known.items() if value not in (None, "", [])}
        for name in given & {EMAIL, PHONE}:
            # Not alone: then the reason is that the address or number is not one.
            if len(given) > 1 and isinstance(known[name], str) and _stands_for_none(known[name]):
                known[name] = ""
        if EXTERNAL_ID in given and self._is_beside_another(known):
            known[EXTERNAL_ID] = ""
        if not self._nulls:
            return described._replace(known=known)
        attributes = {name: self._plain(value) for name, value in described.attributes.items()}
        return described._replace(known=known, attributes=attributes)

    @staticmethod
    def _is_beside_another(known: Mapping[str, Any]) -> bool:
        """Return whether the id is a word for none, and another value for the person is there."""
        others = [known.get(name) for name in (EMAIL, PHONE)]
        is_known = any(
            each not in (None, "", []) and not (isinstance(each, str) and _stands_for_none(each)) for each in others
        )
        given = known[EXTERNAL_ID]
        # A word is a blank cell; `0` may come from a fault of the sender's, so that is counted.
        return is_known and isinstance(given, str) and not _DIGIT.search(given) and _stands_for_none(given)

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
        found: Mapping[str, str],
        *,
        alone: bool,
    ) -> dict[str, Any]:
        """Return the identifiers to send. `alone`: none of the customer's others with this address."""
        whole = self._selection.full and not alone
        if EMAIL in found and not whole:
            return {_FRAGMENT[EMAIL]: found[EMAIL]}
        person = {_FRAGMENT[name]: value for name, value in found.items()}
        if EMAIL in found:
            # The mapping reports for each person when it leaves one of them out.
            for name in wrong:
                if said := contact.text(described.known.get(name)):
                    person[_FRAGMENT[name]] = said
        return person

    def _attributes(self, described: Described, wrong: Mapping[str, Reason]) -> dict[str, Any]:
        """Return the attributes to send, without those that Klaviyo would not take, and report what is left out.

        An empty text clears an attribute like null, because a CSV has no null. `wrong`: identifiers.
        """
        given, has = described.attributes, self._selection.has
        if not self._selection.full:
            given = {name: value for name, value in given.items() if has(name)}
        sent = {name: None if value == "" else value for name, value in given.items()}
        if described.properties:
            every = has(PROPERTIES)
            sent |= {name: value for name, value in described.properties.items() if every or has(name)}
        faults = self._faults.of(sent)
        for name, reason in (*faults.items(), *wrong.items()):
            self._report.leave_out(name, reason)
        for name in faults:
            del sent[name]
        return sent


def _stands_for_none(text: str) -> bool:
    """Return whether a program or a person has written the text for a missing value."""
    return DEFAULT.holds(EXTERNAL_ID, text.strip())


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
