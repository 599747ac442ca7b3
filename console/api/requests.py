"""The queries and bodies of the operator's API: marshmallow's schemas, each built once."""

from __future__ import annotations

import re
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
_NO_CURSOR: Final = "Must be the next of an answer."
_NO_SORT: Final = f"Must be one of {', '.join(SORTS)}."
_NO_STATE: Final = f"Must be one of {', '.join(STATES)}."


class _Flag(fields.Field[bool]):
    """True or false; values that convert to them are refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


class _Word(fields.Field[bool]):
    """True or false in a query, as `true` or `false`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value not in ("true", "false"):
            raise ValidationError("Must be true or false.")
        return bool(value == "true")


class _Age(fields.Field[int]):
    """A length of time: `7d` -> ms."""

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


def _id() -> fields.String:
    return fields.String(validate=validate.Regexp(rf"{ID}\Z", error="Must look like 1767225599999-0."))


def _limit(default: int) -> fields.Integer:
    return fields.Integer(load_default=default, validate=validate.Range(1, MOST))


class _Filters(Schema):
    queue = fields.String()
    reason = fields.String()
    older_than = _Age(load_default=0)


class _Letters(_Filters):
    id = _id()
    since = fields.Integer(load_default=0, validate=validate.Range(0, LATEST))
    limit = _limit(100)
    after = _Cursor()
    personal_data = _Word(load_default=False)


class _Replay(_Filters):
    ids = fields.List(_id(), load_default=list, validate=validate.Length(1, IDS))
    all = _Flag(validate=validate.Equal(True))

    @validates_schema(pass_original=True)
    def _says_which(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        named, narrowed = "ids" in original, {"reason", "older_than"} & set(original)
        if ("all" in data) == bool(named or narrowed or "queue" in original) or (named and narrowed):
            raise ValidationError("Select letters by ids, or by queue, reason and older_than, or by all alone.")


FLUSH: Final = Schema.from_dict({"queues": fields.List(fields.String(), validate=validate.Length(1, IDS))})()
HOLD: Final = Schema.from_dict(
    {"reason": fields.String(required=True, validate=[validate.Length(1, LONGEST), _not_blank])}
)()
RELEASE: Final = Schema.from_dict({"force": _Flag(load_default=False)})()
LETTERS: Final = _Letters()
LETTER: Final = Schema.from_dict({"personal_data": _Word(load_default=False)})()
REPLAY: Final = _Replay()
AUDIT: Final = Schema.from_dict({"limit": _limit(100), "before": _id()})()
CONNECTIONS: Final = Schema.from_dict({"check": _Word(load_default=False)})()
QUEUES: Final = Schema.from_dict(
    {
        "state": fields.String(load_default=None, validate=validate.OneOf(STATES, error=_NO_STATE)),
        "limit": fields.Integer(load_default=None, validate=validate.Range(1, MOST)),
        "after": fields.String(),
        "named": fields.String(load_default=None),
        "status": _Word(load_default=False),
        "sort": fields.String(load_default=None, validate=validate.OneOf(SORTS, error=_NO_SORT)),
    }
)()
RUNS: Final = Schema.from_dict({"limit": fields.Integer(load_default=20, validate=validate.Range(1, KEPT_RUNS))})()
RUN: Final = Schema.from_dict({"confirm": _Flag(load_default=False), "reconcile": _Flag(load_default=False)})()
UPLOADS: Final = Schema.from_dict({"limit": _limit(20), "before": fields.String(load_default="")})()
NOTHING: Final = Schema()

LETTER_ID: Final = {"type": "string", "pattern": f"^{ID}$", "example": "1767225599999-0"}
REASON: Final = {"type": "string", "description": "The code of the reason, such as no_email."}
OLDER: Final = {
    "type": "string",
    "pattern": f"^{AGE}$",
    "description": "Minimum age: 30m, 12h, 7d.",
    "example": "7d",
}
QUEUE: Final = {"type": "string", "description": "connection/kind/target.", "example": "default/audience/42"}
_WHY: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": r"\S"}


def _of(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    made = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    return made | ({"required": list(required)} if required else {})


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": IDS}


#: The same bodies, for the OpenAPI document.
BODIES: Final = {
    "HoldAsked": _of({"reason": _WHY | {"description": "The reason, which all users can read."}}, "reason"),
    "ReleaseAsked": _of({"force": {"type": "boolean", "description": "Release even if the cause is still there."}}),
    "RunAsked": _of(
        {
            "confirm": {"type": "boolean", "description": "Pass the guard: many removals are intended."},
            "reconcile": {"type": "boolean", "description": "Compare with Klaviyo's list, not with Ferry's ledger."},
        }
    ),
    "FlushAsked": _of({"queues": _list(QUEUE)}),
    "ReplayLetters": _of(
        {
            "ids": _list(LETTER_ID),
            "queue": QUEUE | {"description": "The letters' queue, needed if several queues have a letter of that id."},
        },
        "ids",
    ),
    "ReplayFiltered": _of({"queue": QUEUE, "reason": REASON, "older_than": OLDER}, minProperties=1),
    "ReplayAll": _of({"all": {"type": "boolean", "enum": [True]}}, "all"),
    "Nothing": _of({}),
}
