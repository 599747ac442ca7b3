"""Find members whom a file names by another identifier than the membership ledger, by their remembered identities."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from queues.people.identities import Named
from queues.people.identity_tokens import Holder, RememberedPerson, has_another
from queues.snapshots import members
from snapshots import tally
from snapshots.rows import strength

#: Klaviyo's name of an identifier -> its kind in `identity`.
_KINDS: Final = {"email": "email", "external_id": "external_id", "phone_number": "phone"}
#: Bytes of the short hashes that are remembered for the identifiers on a profile.
_SHORT: Final = 4
#: `marks`: what a member is found by: hash of the name, id of the profile. `shown`: short hashes of the identifiers on
#: the profile. `addresses`: hashes of the file's people with an e-mail.
_SCHEMA: Final = """
    CREATE TABLE marks (mark BLOB, member TEXT, PRIMARY KEY (mark, member)) WITHOUT ROWID;
    CREATE TABLE shown (mark BLOB, member TEXT, PRIMARY KEY (mark, member)) WITHOUT ROWID;
    CREATE TABLE addresses (hash BLOB PRIMARY KEY, identity TEXT) WITHOUT ROWID;
"""


class RememberedIdentities(Protocol):
    """The methods of `queues.people.identities` that matching uses."""

    def hash(self, named: Named, /) -> bytes:  # noqa: D102
        ...

    def people(self, persons: Sequence[bytes], /) -> dict[bytes, RememberedPerson]:  # noqa: D102
        ...

    def holders(self, identifiers: Sequence[bytes], /) -> dict[bytes, list[Holder]]:  # noqa: D102
        ...


class MemberMatch(NamedTuple):
    """The people that may be meant by a row whose identity is not a member's.

    `members`: members of the ledger who are the person, strongest first; all candidates when `several` people may be
    meant. `person`: the identity of another row about the same person. `perhaps`: members who may have the same
    profile.
    """

    row: str
    members: tuple[str, ...] = ()
    person: str = ""
    several: bool = False
    perhaps: tuple[str, ...] = ()


class Matcher:
    """Finds members for rows that name them by another identity.

    `addresses`: the identities of all people of the file with an e-mail, in portions; read at most once.
    """

    def __init__(self, memory: RememberedIdentities, addresses: Iterable[list[str]]) -> None:
        self._memory = memory
        self._addresses = addresses
        self._shelf = tally.opened(_SCHEMA)

    def close(self) -> None:
        """Delete the stored people."""
        self._shelf.close()

    def enter(self, loose: Sequence[str]) -> None:
        """Store members whose identity no row has."""
        hashed = {member: self._memory.hash(named(member)) for member in loose}
        persons, known = self._holders([own for member, own in hashed.items() if strength(member)], hashed.values())
        for member, own in hashed.items():
            # Several people may have been delivered under the identifier; the member is the one whose profile has it.
            whose = {
                own,
                *(each for each in persons.get(own, ()) if own[:_SHORT] in known.get(each, RememberedPerson()).on),
            }
            found = [known[each] for each in whose if each in known]
            marks = {*whose, *(mark for each in found for mark in _profile(each))}
            shown = {own[:_SHORT], *(mark for each in found for mark in each.on)}
            self._shelf.executemany("INSERT OR IGNORE INTO marks VALUES (?, ?)", [(mark, member) for mark in marks])
            self._shelf.executemany("INSERT OR IGNORE INTO shown VALUES (?, ?)", [(mark, member) for mark in shown])

    def _holders(
        self, identifiers: Sequence[bytes], besides: Iterable[bytes]
    ) -> tuple[dict[bytes, set[bytes]], dict[bytes, RememberedPerson]]:
        """Return who was delivered under each identifier beside a stronger one, and what is known of all of them."""
        holders = self._memory.holders(identifiers)
        persons = {own: {each.person for each in having} - {own} for own, having in holders.items()}
        return persons, self._memory.people([*{*besides}.union(*persons.values())])

    def match(self, rows: Sequence[str]) -> Iterator[MemberMatch]:
        """Yield who is meant by each of these rows, except rows about new people."""
        hashed = {row: self._memory.hash(named(row)) for row in rows}
        persons, known = self._holders([own for row, own in hashed.items() if strength(row)], hashed.values())
        for row, own in hashed.items():
            mine = known.get(own, RememberedPerson())
            same = self._members("marks", {own, *_profile(mine)})
            perhaps = self._members("shown", {own[:_SHORT], *mine.on})
            if strength(row):
                having = {each: known.get(each, RememberedPerson()) for each in persons.get(own, ())}
                now = _present(row, own, having)
                found = self._by_id(row, same, now)
                # Their profiles may still show the identifier, but it is known whose it is by now.
                former = {mark for each in having.keys() - now.keys() for mark in (each, *_profile(having[each]))}
                given_up = self._members("marks", former) if found.members else []
                perhaps = [member for member in perhaps if member not in given_up]
            else:
                # The e-mail decides: a member with another e-mail is somebody else.
                found = MemberMatch(row, tuple(filter(strength, same)))
                perhaps = [*filter(strength, perhaps)]
            left = tuple(member for member in perhaps if member not in found.members)
            if found != MemberMatch(row) or left:
                yield found._replace(perhaps=left)

    def _by_id(self, row: str, same: list[str], holders: Mapping[bytes, RememberedPerson]) -> MemberMatch:
        """Match a row without an e-mail.

        `same`: members of the profile that the row's identifier is known to lead to. `holders`: the people who were
        delivered under the identifier.
        """
        here, of_file, elsewhere = set[str](), set[str](), 0
        for person, known in holders.items():
            if found := self._members("marks", {person, *_profile(known)}):
                here.add(found[0])
            elif identity := self._of_file(person):
                of_file.add(identity)
            else:
                elsewhere += bool(known.audiences)
        if len(here | of_file) > 1 or (elsewhere > 1 and not (here or of_file or same)):
            return MemberMatch(row, tuple(sorted(here, key=_order)), several=True)
        return MemberMatch(row, tuple(sorted(here | {*same}, key=_order)), next(iter(of_file), ""))

    def _members(self, table: str, marks: Collection[bytes]) -> list[str]:
        """Return the members who have one of these marks, strongest first."""
        query = f"SELECT member FROM {table} WHERE mark = ?"  # noqa: S608
        found = {member for mark in marks for (member,) in self._shelf.execute(query, (mark,))}
        return sorted(found, key=_order)

    def _of_file(self, person: bytes) -> str:
        """Return the identity of the person if the file has a row with the e-mail, else an empty text."""
        for some in self._addresses:
            hashed = [(self._memory.hash(named(identity)), identity) for identity in some]
            self._shelf.executemany("INSERT OR IGNORE INTO addresses VALUES (?, ?)", hashed)
        self._addresses = ()
        found = self._shelf.execute("SELECT identity FROM addresses WHERE hash = ?", (person,)).fetchone()
        return str(found[0]) if found else ""


def apart(memory: RememberedIdentities, linked: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the members who are known to have other profiles than all the people that they are linked with."""
    hashed = {name: memory.hash(named(name)) for member, whose in linked.items() for name in (member, *whose)}
    found = memory.people([*hashed.values()])
    known = {name: found.get(own, RememberedPerson()) for name, own in hashed.items()}

    def differ(one: str, other: str) -> bool:
        profiles = known[one].profile_id, known[other].profile_id
        shown = hashed[one][:_SHORT] in known[other].on or hashed[other][:_SHORT] in known[one].on
        return all(profiles) and profiles[0] != profiles[1] and not shown

    return [member for member, whose in linked.items() if all(differ(member, each) for each in whose)]


def named(identity: str) -> Named:
    """Return kind and value of an identity of the membership ledger."""
    name, value = next(iter(members.identifiers(identity).items()))
    return _KINDS[name], value


def _present(row: str, own: bytes, having: Mapping[bytes, RememberedPerson]) -> Mapping[bytes, RememberedPerson]:
    """Return the people who have the row's identifier now; if nobody has, those who had it."""
    kind, _ = named(row)
    return {each: known for each, known in having.items() if not has_another(known, kind, own)} or having


def _profile(known: RememberedPerson) -> set[bytes]:
    return {known.profile_id.encode()} if known.profile_id else set()


def _order(identity: str) -> tuple[int, str]:
    return strength(identity), identity
