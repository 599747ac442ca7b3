"""One run of a query as its page shows it: the figures, and the lists of people and rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from console.paging import ListPart, part_of
from ops.queries import people
from ops.queries.documents import RunDocument
from ops.queries.people import ChangedPerson, KeptPerson
from queues.snapshots.records import Counts, Record
from text.wording import number, plural

#: The lists, as `ferry queries rows --kind` and the address call them; left_out: what was sent without a value.
RunKind = Literal["added", "changed", "removed", "rejected", "left_out"]
Cells = tuple[str, ...]
_TITLES: Final[Mapping[RunKind, str]] = {
    "rejected": "Rejected",
    "added": "Added",
    "changed": "Updated",
    "removed": "Removed",
    "left_out": "Left out",
}
#: The same for a run that carried nothing out.
_PLANNED: Final[Mapping[RunKind, str]] = {"added": "To add", "changed": "To update", "removed": "To remove"}
#: Title and sentence of a list without anything.
_EMPTY: Final[Mapping[RunKind, tuple[str, str]]] = {
    "rejected": ("No rejected rows", "Every row of this run can be sent."),
    "added": ("No added people", "This run adds nobody to the list."),
    "changed": ("No updated people", "This run changes nobody who is on the list."),
    "removed": ("No removed people", "This run removes nobody from the list."),
    "left_out": ("Nothing left out", "Every value of this run was sent."),
}
_HASHED: Final = "is a hash, which Klaviyo does not accept: export it raw"
#: Reason why a row cannot be sent -> one sentence. Klaviyo has not seen such a row, and there is no dead letter of it.
_MEANING: Final[Mapping[str, str]] = {
    "identity_missing": "The row has no e-mail, phone number or id: export one of them.",
    "email_missing": "The row has no e-mail: export it.",
    "identifier_blocked": "The row has only a value that identifies nobody, such as 0 or null: export the e-mail.",
    "ambiguous_person": "The row has no e-mail, and its id or phone belongs to several people: export the e-mail.",
    "email_hashed": f"The e-mail {_HASHED}.",
    "phone_hashed": f"The phone number {_HASHED}.",
    "external_id_hashed": f"The external id {_HASHED}.",
    "email_invalid": "Klaviyo does not accept this e-mail: correct it in the source.",
    "phone_invalid": "The phone number is invalid, or lacks its country: correct it in the source, or set "
    "`default_country` for the connection.",
    "external_id_invalid": "Klaviyo does not accept this external id: correct it in the source.",
    "external_id_too_long": "The external id is longer than Klaviyo accepts: correct it in the source.",
    "no_email": "The row has no e-mail: export it.",
    "no_identifier": "The row has no e-mail, phone number or id: export one of them.",
    "attribute_too_large": "An attribute is larger than Klaviyo accepts: export a shorter one.",
    "profile_too_large": "The row is larger than Klaviyo accepts: export fewer or shorter attributes.",
    "mapping_failed": "A defect in Ferry: report it.",
    "fragment_unreadable": "The row cannot be read as a person: correct it in the source.",
}
_CORRECT: Final = (
    "Correct these rows in the source: the next run sends them. Rows have numbers from 1, in the order of the result; "
    "Ferry keeps no data of them."
)
_LEFT_OUT: Final = "These rows were sent without the value, so the attribute keeps the value that it had in Klaviyo."


@dataclass(frozen=True, slots=True)
class RunEquation:
    """The `total` is the sum of the `parts`, each a number and what it counts. `remark`: beside it."""

    what: str
    total: int
    parts: list[tuple[int, str]]
    remark: str = ""

    @property
    def shown(self) -> list[tuple[int, str]]:
        """The parts that are not 0; the first one if all are."""
        return [part for part in self.parts if part[0]] or self.parts[:1]


def equations(run: RunDocument) -> list[RunEquation]:
    """Return the equations of a run; none before its rows were compared. Pure."""
    counts, ends = run.counts, run.outcomes
    if counts is None or ends is None:
        return []
    # Not rows plus expansion: people of several rows may be one customer.
    every = [(counts.people, "to be on the list"), (counts.duplicates, "duplicates"), (counts.rejected, "rejected")]
    added, updated, removed = ("to add", "to update", "to remove") if run.would else ("added", "updated", "removed")
    found = [
        RunEquation(f"people in {plural(counts.rows, 'row')}", sum(figure for figure, _ in every), every),
        RunEquation(
            "people to be on the list",
            counts.people,
            [
                (counts.adds, added),
                (counts.updates, updated),
                (counts.unchanged, "unchanged"),
                (counts.newer, "left alone, because a single change is newer"),
            ],
            _beside(counts, removed),
        ),
    ]
    if ends.changes:
        parts = [(ends.delivered, "delivered"), (ends.imported, "imported"), (ends.superseded, "superseded")]
        parts += [(ends.dead, "dead letters"), (ends.pending, "not settled yet")]
        found.append(RunEquation("changes queued", ends.changes, parts))
    return found


def _beside(counts: Counts, removed: str) -> str:
    """Return what becomes of members who are not among the people to be on the list."""
    percent = f", {100 * counts.removals / counts.held:.1f}% of the list" if counts.held else ""
    more = f"; {number(counts.leaving)} more to remove" if counts.leaving else ""
    stay = counts.kept - counts.leaving
    kept = f"; {number(stay)} kept, who may be people of the result" if stay else ""
    return f"{number(counts.removals)} {removed}{percent}{more}{kept}"


@dataclass(frozen=True, slots=True)
class RunTab:
    """A list of a run that can be chosen. `figure`: people or rows in it."""

    kind: RunKind
    title: str
    figure: int


@dataclass(frozen=True, slots=True)
class RunList:
    """The chosen list. `heads`: of the columns; a row has a cell for each, empty where there is nothing to say.

    `notes`: sentences about the list, and about what it lacks. `nothing`: a title and a sentence for an empty one.
    """

    title: str
    nothing: tuple[str, str]
    heads: Cells
    part: ListPart[Cells]
    notes: list[str]


def tabs(run: RunDocument, record: Record | None) -> list[RunTab]:
    """Return the lists of a run; none before its rows were compared. `record`: of its snapshot."""
    if record is None or record.counts is None:
        return []
    left_out = sum(sum(reasons.values()) for _, reasons in _left_out(run, record))
    figures = {"rejected": record.counts.rejected, "left_out": left_out}
    figures |= {kind: people.total(record, kind) for kind in people.ACTIONS}
    titles = {**_TITLES, **(_PLANNED if run.would else {})}
    return [RunTab(kind, title, figures[kind]) for kind, title in titles.items()]


def chosen(given: str | None) -> RunKind:
    """Return the list that an address names; the rejected rows, which somebody has to correct, if it names none."""
    return next((kind for kind in _TITLES if kind == given), "rejected")


def people_list(
    record: Record, kind: RunKind, part: ListPart[KeptPerson], named: Sequence[ChangedPerson], *, personal: bool
) -> RunList:
    """Return a page of people. `part`: of the people who are kept; `named`: those of the page."""
    rows: list[Cells] = [(each.name(personal=personal), ", ".join(each.attributes)) for each in named]
    notes = [people.missing(part.of, people.total(record, kind))]
    if kind == "removed" and (gone := record.outcomes.not_found):
        notes.append(f"{plural(gone, 'person was', 'people were')} not found on the list: nothing had to be removed.")
    if rows and not personal:
        notes.append("Addresses and numbers are masked. Admins see them whole.")
    return _of(kind, ("Person", "Attributes"), part.showing(rows), [*filter(None, notes)])


def rejected_list(record: Record, numbers: Mapping[str, Sequence[int]], page: int) -> RunList:
    """Return a page of the rows that cannot be sent. `numbers`: of rows, by reason, at most 10,000 of each."""
    every = sorted((row, reason) for reason, rows in numbers.items() for row in rows)
    part = part_of(every, page)
    rows: list[Cells] = [(number(row), f"{row_meaning(reason)} `{reason}`") for row, reason in part.rows]
    more = (record.counts.rejected if record.counts else 0) - len(every)
    lacks = ("more row is rejected: its number is not kept.", "more rows are rejected: their numbers are not kept.")
    notes = [*([_CORRECT] if rows else []), *([plural(more, *lacks)] if more > 0 else [])]
    return _of("rejected", ("Row", "Why"), part.showing(rows), notes)


def left_out_list(run: RunDocument, record: Record, page: int) -> RunList:
    """Return a page of the values that were left out, by column and reason."""
    every: list[Cells] = [
        (column, f"`{reason}`", number(rows))
        for column, reasons in _left_out(run, record)
        for reason, rows in reasons.items()
    ]
    return _of("left_out", ("Column", "Why", "Rows"), part_of(every, page), [_LEFT_OUT] if every else [])


def _of(kind: RunKind, heads: Cells, part: ListPart[Cells], notes: list[str]) -> RunList:
    return RunList(_TITLES[kind], _EMPTY[kind], heads, part, notes)


def _left_out(run: RunDocument, record: Record) -> list[tuple[str, Mapping[str, int]]]:
    """Return what the source left out, and what the mapping did, as column and rows by reason."""
    return [*run.left_out.items(), *record.left_out.items()]


#: What a run does to a person, and what it would do if it is not carried out.
_DOES: Final = {"added": "adds this person", "changed": "updates this person", "removed": "removes this person"}
_WOULD: Final = {"added": "add this person", "changed": "update this person", "removed": "remove this person"}


def looked_up(changes: Mapping[str, Sequence[str]], *, is_complete: bool, planned: bool = False) -> str:
    """Return what a run does to the person who was looked up. `changes`: the attributes by kind.

    `is_complete`: everybody whom the run changed is kept. `planned`: nothing of the run was carried out.
    """
    words = _WOULD if planned else _DOES
    does = [words[kind] + (f" ({', '.join(names)})" if names else "") for kind, names in changes.items()]
    if does:
        return f"This run {'would ' if planned else ''}{' and '.join(does)}."
    if is_complete:
        return "This run does not change this person."
    return "This person is not among those whom Ferry keeps of this run: the first 10,000 of each kind, for 7 days."


def row_meaning(reason: str) -> str:
    """Return one sentence about a reason, without personal data."""
    return _MEANING.get(reason, "Ferry cannot send the row: correct it in the source.")
