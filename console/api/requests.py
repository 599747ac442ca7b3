"""The queries and bodies of the operator's API: marshmallow's schemas, each built once.

`/openapi.json` is made of them (openapi_requests.py): the metadata of a field is a part of its JSON schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from console.pages.act_hold import LONGEST
from ops.dead_letters.selecting import AGE, ID, After, age_ms
from ops.status_rows import SORTS
from ops.status_words import STATES
from queues.names import Queue
from queues.queries.records import RUNS as KEPT_RUNS

#: Most uploads, letters or entries in one answer.
MOST: Final = 500
#: Most letters or queues that one request may name.
IDS: Final = 500
#: The latest time in a query, in ms; in the year 2286.
LATEST: Final = 9_999_999_999_999
_NO_CURSOR: Final = "Must be the `next` of an earlier answer."


class Flag(fields.Field[bool]):
    """True or false; values that convert to them are refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


class Word(fields.Field[bool]):
    """True or false in a query, as `true` or `false`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value not in ("true", "false"):
            raise ValidationError("Must be true or false.")
        return bool(value == "true")


class _Age(fields.Field[int]):
    """A length of time: `7d` -> ms."""

    def __init__(self) -> None:
        about = {
            "pattern": f"^{AGE}$",
            "description": "Only letters of this age or older: 30m, 12h, 7d.",
            "example": "7d",
        }
        super().__init__(load_default=0, metadata=about)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        try:
            return age_ms(value)
        except (TypeError, ValueError):
            raise ValidationError("Must be a length of time such as 30m, 12h or 7d.") from None


class _Cursor(fields.Field[After]):
    """A place in a list: `default/audience/42/1767225599999-0` -> the queue and the letter."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> After:
        name, _, letter_id = str(value).rpartition("/")
        try:
            queue = Queue.parse(name)
        except ValueError:
            raise ValidationError(_NO_CURSOR) from None
        if not re.fullmatch(ID, letter_id):
            raise ValidationError(_NO_CURSOR)
        return queue, letter_id


def _not_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError("Must not be blank.")


_OF_LETTER: Final = {"pattern": f"^{ID}$", "example": "1767225599999-0"}
_NEXT: Final = "Only {} {} this one: the `next` of an answer."
_PERSONS: Final = "Include personal data. This needs the role admin and is noted in the audit log."


def _id(about: str = "") -> fields.String:
    named = {**_OF_LETTER, **({"description": about} if about else {})}
    return fields.String(validate=validate.Regexp(rf"{ID}\Z", error="Must look like 1767225599999-0."), metadata=named)


def _queue(about: str = "connection/kind/target.", **more: Any) -> fields.String:
    return fields.String(metadata={"description": about, "example": "default/audience/42"}, **more)


def _text(about: str, example: str = "", **more: Any) -> fields.String:
    named = {"description": about, **({"example": example} if example else {})}
    return fields.String(metadata=named, **more)


def _choice(about: str, names: Iterable[str]) -> fields.String:
    error = f"Must be one of {', '.join(names)}."
    return fields.String(
        load_default=None, validate=validate.OneOf([*names], error=error), metadata={"description": about}
    )


def _word(about: str) -> Word:
    return Word(load_default=False, metadata={"description": about})


def _flag(about: str) -> Flag:
    return Flag(load_default=False, metadata={"description": about})


def _limit(default: int | None, most: int = MOST, about: str = "Maximum number of results.") -> fields.Integer:
    named = {"description": about, **({"default": default} if default else {})}
    return fields.Integer(load_default=default, validate=validate.Range(1, most), metadata=named)


class _Filters(Schema):
    queue = _queue("Only letters of this queue.")
    reason = _text("Only letters with this reason, such as no_email.")
    older_than = _Age()


class _Letters(_Filters):
    since = fields.Integer(
        load_default=0,
        validate=validate.Range(0, LATEST),
        metadata={"description": "Only letters that died at this time or later; ms since 1970."},
    )
    id = _id("Only this letter; the other filters, except queue, are ignored.")
    limit = _limit(100)
    after = _Cursor(
        metadata={
            "description": _NEXT.format("letters", "after"),
            "pattern": f"^[^/]+/[^/]+/[^/]+/{ID}$",
            "example": f"default/audience/42/{_OF_LETTER['example']}",
        }
    )
    personal_data = _word(_PERSONS)


class _Replay(_Filters):
    queue = _queue("Only letters of this queue; with ids it is needed if several queues have a letter of that id.")
    ids = fields.List(_id(), load_default=list, validate=validate.Length(1, IDS))
    all = Flag(validate=validate.Equal(True), metadata={"enum": [True]})

    @validates_schema(pass_original=True)
    def _says_which(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        named, narrowed = "ids" in original, {"reason", "older_than"} & set(original)
        if ("all" in data) == bool(named or narrowed or "queue" in original) or (named and narrowed):
            raise ValidationError("Select letters by ids, or by queue, reason and older_than, or by all alone.")


FLUSH: Final = Schema.from_dict({"queues": fields.List(_queue(), validate=validate.Length(1, IDS))})()
HOLD: Final = Schema.from_dict(
    {
        "reason": fields.String(
            required=True,
            validate=[validate.Length(1, LONGEST), _not_blank],
            metadata={"description": "The reason, which all users can read.", "pattern": r"\S"},
        )
    }
)()
RELEASE: Final = Schema.from_dict({"force": _flag("Release even if the cause is still there.")})()
LETTERS: Final = _Letters()
LETTER: Final = Schema.from_dict({"personal_data": _word(_PERSONS)})()
REPLAY: Final = _Replay()
AUDIT: Final = Schema.from_dict({"limit": _limit(100), "before": _id(_NEXT.format("entries", "before"))})()
CONNECTIONS: Final = Schema.from_dict(
    {"check": _word("Check every key with Klaviyo. This may take a minute and needs the role operator.")}
)()
QUEUES: Final = Schema.from_dict(
    {
        "state": _choice("Only queues in this state.", STATES),
        "limit": _limit(None, about="Maximum number of queues, in the order of their names; without it all."),
        "after": _queue("Only queues after this one, with a limit: the `next` of an answer."),
        "named": _text(
            "Only the queues that a command understands by this id, target or name; all if none has it. Use it alone.",
            "VIPs",
            load_default=None,
        ),
        "status": _word(
            "The queues that `ferry status` shows, the most urgent, and those behind its verdict; without `after`."
        ),
        "sort": _choice("With `status`: the first queues in this order instead.", SORTS),
    }
)()
RUNS: Final = Schema.from_dict({"limit": _limit(20, KEPT_RUNS, "Maximum number of runs.")})()
RUN: Final = Schema.from_dict(
    {
        "confirm": _flag("Pass the guard: many removals are intended."),
        "reconcile": _flag("Compare with Klaviyo's list, not with Ferry's ledger."),
    }
)()
UPLOADS: Final = Schema.from_dict(
    {"limit": _limit(20), "before": _text(_NEXT.format("uploads", "before"), load_default="")}
)()
NOTHING: Final = Schema()
