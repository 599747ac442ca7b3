"""What a list must hold when the results of a query and single changes come for it: the rules of docs/ in plain words.

Somebody with an e-mail is one person for each e-mail, in any spelling; without one, one for each id, else for each
phone. A row without an e-mail whose id or phone one other row has beside a better name is about that row's person, and
does not count; if several rows have it, it is nobody's. The last row of a person counts. The newest statement decides
who is on the list: a result speaks of everybody, as of when it was read, and a single change of one person.

One human is named in any way, so that it depends on the past whom a row without an e-mail leads to. Of that one it is
known only that somebody of that human is on the list, and nobody once no row names the human. A single removal is sure
of the e-mail: with its phone or id alone somebody else may have been put on the list.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from tests.support.model import HOPELESS
from tests.support.query_table import (
    DUMMY,
    NOBODY,
    VARIED,
    VARIED_PHONE,
    TableRow,
    email_of,
    own_id,
)

VARIED_NAMES: Final = frozenset({email_of(VARIED), own_id(VARIED), VARIED_PHONE})
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
#: What is sent of a person besides the name, such as the tag.
Said = Mapping[str, str | None]


class Reading(NamedTuple):
    """A result. `people`: by the best name, what the last row says. `shrink`: rows of nobody, by reason."""

    rows: int
    people: dict[str, Said]
    duplicates: int
    shrink: Counter[str]

    @property
    def is_sure(self) -> bool:
        """Whether it does not depend on the past who these people are."""
        return not VARIED_NAMES & self.people.keys()


class Expected(NamedTuple):
    """What a run must count, when nothing else happens."""

    adds: int
    updates: int
    removals: int
    unchanged: int


@dataclass(frozen=True)
class Standing:
    """Whether somebody is on the list, by a statement of which time (ms), and the tags that are right then."""

    on: bool = False
    at: int = 0
    tags: Collection[str | None] = (None,)


Named = Literal["by e-mail", "somehow", "perhaps", "not"]


@dataclass
class QueryModel:
    """One list. `before`: who is on it already.

    `known`: what was said of each member that Ferry put on the list or found there; nothing after a single change,
    because nobody notes what that wrote. `varied`: how the human who is named in any way is on the list, and since.
    """

    before: Collection[str] = ()
    standing: dict[str, Standing] = field(default_factory=dict)
    known: dict[str, dict[str, str | None]] = field(default_factory=dict)
    varied: tuple[Named, int] = ("not", 0)

    def __post_init__(self) -> None:
        self.standing = {name: Standing(on=True) for name in self.before}
        self.known = {name: {} for name in self.before}

    def single(self, name: str, on: bool, at: int, tag: str = "") -> None:
        """Somebody joins with a tag, or leaves."""
        if name in VARIED_NAMES:
            self.varied = ("by e-mail" if on else "perhaps", at)
            return
        self.standing[name] = Standing(on, at, (tag,) if on else (None,))
        if on:
            self.known[name] = {}
        else:
            self.known.pop(name, None)

    def tagged(self, name: str, tag: str, late: bool) -> None:
        """Somebody has another tag. `late`: a result that was read before may write its own after it."""
        if name in VARIED_NAMES:
            return
        found = self.standing.get(name, Standing())
        self.standing[name] = Standing(found.on, found.at, {tag, *found.tags} if late else (tag,))
        if name in self.known:
            self.known[name] = {}

    def expect(self, found: Reading) -> Expected:
        """What a run of this result must count now."""
        sent = {name: said for name, said in found.people.items() if name in self.known}
        differ = [name for name, said in sent.items() if not said.items() <= self.known[name].items()]
        gone = self.known.keys() - found.people.keys()
        return Expected(len(found.people) - len(sent), len(differ), len(gone), len(sent) - len(differ))

    def run(self, found: Reading, at: int) -> None:
        """The people of a result that was read at a time (ms), and nobody else, are on the list."""
        for name in {*self.standing, *found.people} - VARIED_NAMES:
            if self.standing.get(name, Standing()).at <= at:
                self._says(name, found.people.get(name), at)
        if self.varied[1] <= at:
            names = found.people.keys() & VARIED_NAMES
            self.varied = ("by e-mail" if email_of(VARIED) in names else "somehow" if names else "not", at)

    def _says(self, name: str, said: Said | None, at: int) -> None:
        self.standing[name] = Standing(said is not None, at, (said["tag"],) if said else (None,))
        if said is None:
            self.known.pop(name, None)
        elif not name.startswith(HOPELESS):
            self.known[name] = {**self.known.get(name, {}), **said}

    def members(self) -> set[str]:
        """Who must be on the list, without the human who is named in any way."""
        return {name for name, found in self.standing.items() if found.on and not name.startswith(HOPELESS)}

    def wrong(self, tags: Mapping[str, str | None]) -> list[str]:
        """A sentence for each person who is on the wrong side, or has wrong attributes. `tags`: of the members."""
        right = self.members()
        found = [f"{name} is missing" for name in sorted(right - tags.keys())]
        found += [f"{name} is on the list" for name in sorted(tags.keys() - right - VARIED_NAMES)]
        found += [
            f"{name} has the tag {tags[name]}, not {self.standing[name].tags}"
            for name in sorted(right & tags.keys())
            if tags[name] not in self.standing[name].tags
        ]
        return found + self._wrong_of_varied(VARIED_NAMES & tags.keys())

    def _wrong_of_varied(self, here: Collection[str]) -> list[str]:
        named, email = self.varied[0], email_of(VARIED)
        if named == "by e-mail":
            return [] if email in here else [f"{email} is missing"]
        if named == "perhaps":
            return [f"{email} is on the list"] if email in here else []
        right = bool(here) == (named == "somehow")
        return [] if right else [f"{sorted(here) or 'nobody'} of {VARIED} is on the list, who is {named}"]


def read(rows: Iterable[TableRow], full: bool = False) -> Reading:
    """Whom the rows of a result mean. `full`: phones and ids are sent beside an e-mail."""
    shrink: Counter[str] = Counter()
    people: dict[str, Said] = {}
    beside: defaultdict[str, set[str]] = defaultdict(set)
    count = usable = 0
    for row in rows:
        count += 1
        names, reason = _names(row)
        if reason:
            shrink[reason] += 1
            continue
        usable += 1
        people[names[0]] = _said(row, names, full)
        for other in names[1:]:
            beside[other].add(names[0])
    ambiguous = _fold(people, beside)
    shrink.update({"ambiguous_person": ambiguous} if ambiguous else {})
    return Reading(count, people, usable - ambiguous - len(people), shrink)


def _fold(people: dict[str, Said], beside: Mapping[str, set[str]]) -> int:
    """Take out the rows that are about others; return how many could be about several. Ids come before phones."""
    ambiguous = 0
    for name in sorted(people.keys() & beside.keys(), key=lambda name: name.startswith("+")):
        del people[name]
        if len(beside[name]) > 1:
            ambiguous += 1
            continue
        for whose in beside.values():
            if name in whose:
                whose.remove(name)
                whose |= beside[name]
    return ambiguous


def _names(row: TableRow) -> tuple[list[str], str]:
    """The names of a row's person, the best first; or why there is none."""
    email, known_as, phone = _text(row.email).lower(), _text(row.external_id), _phone(row)
    if email in NOBODY and (known_as or phone):
        email = ""
    if email and email not in NOBODY and not _ADDRESS.fullmatch(email):
        return [], "email_invalid"
    # Beside another value a word is a blank cell, but `0` may be a fault of the sender's.
    if known_as in NOBODY and known_as != "0" and (email or phone):
        known_as = ""
    given = [each for each in (email, known_as, phone) if each]
    names = [each for each in given if each not in (*NOBODY, DUMMY)]
    if names or not given:
        return names, "" if names else "identity_missing"
    return names, "phone_invalid" if given == [DUMMY] else "identifier_blocked"


def _said(row: TableRow, names: list[str], full: bool) -> Said:
    said: dict[str, str | None] = {"tag": row.tag or None}
    beside = {"external_id": _text(row.external_id), "phone": _phone(row)}
    if full and "@" in names[0]:
        said |= {kind: value for kind, value in beside.items() if value}
    return said


def _text(cell: str | int | None) -> str:
    return "" if cell is None else str(cell).strip()


def _phone(row: TableRow) -> str:
    return re.sub(r"[ ()-]", "", _text(row.phone))
