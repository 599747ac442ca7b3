"""A table of people as a shop has it, changed at random: rows in every spelling, twice, without names, of nobody.

Everybody of it is one of a few humans, and every row that is somebody's carries a tag that names its human.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from tests.support.model import DOMAIN, HOPELESS, address

#: With one address each, whose ids and phones vary and are shared.
PEOPLE: Final = ("bea", "bob", "cid")
#: A human whose address changes while the id stays, one who is named in any way, and one by an id alone.
MOVER, VARIED, NAMELESS = "moe", "nat", "ned"
#: In the table at all times, so that the guard holds no result but an empty one.
ANCHOR: Final = f"anchor@{DOMAIN}"
#: The emulator fails the import of this row.
LOST: Final = HOPELESS + address(0)
SHARED, FAMILY, DUMMY = "Shared-1", "+14155552671", "+10000000000"
VARIED_PHONE: Final = "+14155553011"
#: Words that stand for no value, as programs write them.
NOBODY: Final = ("0", "null", "n/a", "guest")
Cell = str | int | None
#: Rows of people who cannot be sent, each with the reason.
UNFIT: Final[tuple[tuple[Cell, Cell, Cell, str], ...]] = (
    (None, None, None, "identity_missing"),
    ("", " ", "", "identity_missing"),
    ("nobody@", "Own-x", None, "email_invalid"),
    (f"two words@{DOMAIN}", None, None, "email_invalid"),
    (None, "0", None, "identifier_blocked"),
    ("null", None, None, "identifier_blocked"),
    (" ", "guest", DUMMY, "phone_invalid"),
)


class TableRow(NamedTuple):
    """A row; a tag is `human#number`, or nothing."""

    email: Cell
    external_id: Cell
    phone: Cell
    tag: str | None


def email_of(human: str, which: int = 0) -> str:
    """An address of a human; only the mover has more than one."""
    return f"{human}.{which}@{DOMAIN}" if human == MOVER else f"{human}@{DOMAIN}"


def own_id(human: str) -> str:
    """An id that nobody else has; one of them is a number."""
    return "4711" if human == "cid" else f"Own-{human}"


def named(human: str, name: str, leaves: bool, random: Random) -> dict[str, str]:
    """The identifiers of a single change of a human. `name`: the best of them.

    With an address that was never delivered the id says who leaves, so the mover leaves by the address alone.
    """
    if human == NAMELESS:
        return {"external_id": name}
    if human == VARIED:
        return {"email": name, "external_id": own_id(human), "phone": VARIED_PHONE}
    with_id = random.random() < 0.5 and not (leaves and human == MOVER)
    return {"email": name} | ({"external_id": own_id(human)} if with_id else {})


class Table:
    """The table `people` of a SQLite file, and its rows in their order by number."""

    def __init__(self, file: Path, random: Random) -> None:
        self._file, self._random = file, random
        self.rows: dict[int, TableRow] = {}
        self._number = 0
        self._run("DROP TABLE IF EXISTS people", "DROP TABLE IF EXISTS away")
        self._run("CREATE TABLE people (n INTEGER PRIMARY KEY, email TEXT, external_id, phone TEXT, tag TEXT)")
        self.put(TableRow(ANCHOR, None, None, "anchor#0"))

    def edit(self, varied: bool) -> None:
        """Change something. `varied`: rows of the human who is named in any way are among them."""
        humans = [*PEOPLE, MOVER, NAMELESS, *([VARIED] * 2 if varied else [])]
        human = self._random.choice(humans)
        match self._random.randrange(8):
            case 0 | 1 | 2:
                self.drop(human)
                self.put(self._row(human))
            case 3:
                self.put(self._row(human))
            case 4 | 5:
                self.drop(human)
            case 6:
                self.put(TableRow(*self._random.choice(UNFIT)[:3], None))
                self.put(TableRow(LOST, None, None, None))
            case _:
                self.tidy()

    def put(self, row: TableRow) -> None:
        """Add a row at the end."""
        self._number += 1
        self.rows[self._number] = row
        with closing(sqlite3.connect(self._file)) as database, database:
            database.execute("INSERT INTO people VALUES (?, ?, ?, ?, ?)", (self._number, *row))

    def drop(self, human: str) -> None:
        """Delete the rows of a human."""
        self.delete([number for number, row in self.rows.items() if human_of(row) == human])

    def tidy(self) -> None:
        """Delete the rows of people who cannot be sent or imported."""
        self.delete([number for number, row in self.rows.items() if human_of(row) == ""])

    def delete(self, numbers: list[int]) -> None:
        """Delete these rows."""
        for number in numbers:
            del self.rows[number]
        with closing(sqlite3.connect(self._file)) as database, database:
            database.executemany("DELETE FROM people WHERE n = ?", [(number,) for number in numbers])

    def take_out(self) -> list[TableRow]:
        """Delete all rows; what they were."""
        rows = [*self.rows.values()]
        self.delete([*self.rows])
        return rows

    def is_there(self, here: bool) -> None:
        """Take the table away, or bring it back."""
        self._run("ALTER TABLE away RENAME TO people" if here else "ALTER TABLE people RENAME TO away")

    def _run(self, *statements: str) -> None:
        with closing(sqlite3.connect(self._file)) as database, database:
            for statement in statements:
                database.execute(statement)

    def _row(self, human: str) -> TableRow:
        one = self._random.choice
        tag = one([f"{human}#{self._number + 1}"] * 4 + ["", None])
        if human == NAMELESS:
            return TableRow(one(["", " ", None]), own_id(human), one(["", None, DUMMY]), tag)
        if human == MOVER:
            return TableRow(self._spelled(email_of(human, one([0, 1]))), own_id(human), None, tag)
        if human == VARIED:
            email, own = one([self._spelled(email_of(human)), None]), one([own_id(human), None])
            return TableRow(email, own, one([VARIED_PHONE, None]) if email or own else VARIED_PHONE, tag)
        return self._nameless(human) if self._random.random() < 0.15 else self._varying(human, tag)

    def _nameless(self, human: str) -> TableRow:
        """Somebody is named by an id or a phone alone, which others may have too."""
        known = self._random.choice([own_id(human), SHARED, None])
        return TableRow(self._random.choice([None, "null"]), known, None if known else self._phone(), f"{human}#double")

    def _varying(self, human: str, tag: str | None) -> TableRow:
        """Somebody has one address, in any spelling, and ids and phones that others have too, or that are nobody's."""
        one = self._random.choice
        own: Cell = int(own_id(human)) if human == "cid" else own_id(human)
        known_as = one([own, own, own, SHARED, SHARED, one(NOBODY), "", None])
        return TableRow(self._spelled(email_of(human)), known_as, one([self._phone(), DUMMY, "", None]), tag)

    def _spelled(self, email: str) -> str:
        return self._random.choice([email, email, email.upper(), email.title(), f"  {email} "])

    def _phone(self) -> str:
        return self._random.choice([FAMILY, "+1 (415) 555-2671"])


def human_of(row: TableRow) -> str:
    """Whose row it is; nobody's if the person cannot be sent or imported."""
    email, known_as = str(row.email or "").strip().lower(), str(row.external_id or "").strip()
    for human in (*PEOPLE, MOVER, VARIED, NAMELESS):
        names = {email_of(human), email_of(human, 1), own_id(human)}
        if email in names or (known_as in names and "@" not in email):
            return human
    if row.phone == VARIED_PHONE:
        return VARIED
    if email == ANCHOR:
        return "anchor"
    return "double" if (row.tag or "").endswith("#double") else ""
