"""The operations of the operator's API, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from console.api.requests import LATEST, LETTER_ID, MOST, OLDER, QUEUE, REASON
from intake.openapi.schemas import Schema, answer, errors, in_json, operation, parameter, ref
from ops.dead_letters.selecting import ID

_ALWAYS: Final = ("401", "403", "429", "500", "503")
#: What comes of a body that cannot be taken.
_OF_BODY: Final = ("400", "411", "413", "415")
#: What comes of a name that is none.
_NAMED: Final = ("400", "404")


def _limit(default: int) -> Schema:
    return parameter("limit", "How many.", type="integer", minimum=1, maximum=MOST, default=default)


def _operation(
    name: str,
    summary: str,
    description: str,
    form: str,
    *parameters: Schema,
    fails: tuple[str, ...] = ("400",),
    body: Schema | None = None,
    needed: bool = False,
) -> Schema:
    """`form`: the schema of the answer. `fails`: the errors it may have besides what every operation may.

    `body`: the schema of what it takes, which may be left out unless it is `needed`.
    """
    statuses = (*_ALWAYS, *fails, *(_OF_BODY if body else ()))
    responses = {"200": answer("Done.", ref(form)), **errors("Operator", *statuses)}
    content = in_json(body) if body else None
    return operation(name, summary, description, responses, *parameters, body=content, needed=needed)


_OF_QUEUE: Final = (
    parameter("connection", "The connection that the queue belongs to.", "path", example="default"),
    parameter("kind", "audience, snapshot, profile, event, consent or erasure.", "path", example="audience"),
    parameter("target", "The CDP's id of the audience, percent-encoded: a / in it is %2F.", "path", example="42"),
)
_OF_LETTER: Final = (*_OF_QUEUE, parameter("letter", "Its id.", "path", **LETTER_ID))
_PERSONS: Final = "The persons too; this needs the role admin, and is noted in the audit."
_PERSONAL: Final = parameter("personal_data", _PERSONS, type="boolean")
_LETTER_ID: Final = f"^[^/]+/[^/]+/[^/]+/{ID}$"
_LETTER_EXAMPLE: Final = f"default/audience/42/{LETTER_ID['example']}"
_FILTERS: Final = (
    parameter("queue", "Only of this queue.", **QUEUE),
    parameter("reason", "Only these.", **REASON),
    parameter("older_than", "Only these.", **OLDER),
    parameter("since", "Died then or later; ms since 1970.", type="integer", minimum=0, maximum=LATEST),
    parameter("id", "Only this one, whatever the other filters but queue say.", **LETTER_ID),
    _limit(100),
    parameter("after", "The next of an answer: those behind it.", pattern=_LETTER_ID, example=_LETTER_EXAMPLE),
    _PERSONAL,
)
_CHECK: Final = "Try every key with Klaviyo, which may take a minute; needs the role operator."
_REPLAYS: Final = {"oneOf": [ref(f"Replay{which}") for which in ("Letters", "Filtered", "All")]}
_QUEUE: Final = "/v1/queues/{connection}/{kind}/{target}"
_LETTER: Final = "/v1/dead/{connection}/{kind}/{target}/{letter}"


def _holding(kind: str, path: str, *parameters: Schema) -> dict[tuple[str, str], Schema]:
    """What stops a queue or a connection, and lets it go on."""
    return {
        (f"{path}/hold", "POST"): _operation(
            f"hold_{kind}",
            f"Stop sending from a {kind}",
            "Until it is released; what comes waits. A connection is held with all its queues.",
            "Placed",
            *parameters,
            fails=_NAMED,
            body=ref("HoldAsked"),
            needed=True,
        ),
        (f"{path}/release", "POST"): _operation(
            f"release_{kind}",
            f"Let a {kind} go on",
            "Looks first whether the cause of its hold is gone, which may take Klaviyo some seconds.",
            "Released",
            *parameters,
            fails=(*_NAMED, "409"),
            body=ref("ReleaseAsked"),
        ),
    }


#: (path, method) -> operation, without what openapi.py says of every one.
OPERATIONS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("/v1/queues", "GET"): _operation(
        "queues", "Every queue, and what runs", "At most a second old. As `ferry status --json`.", "Census"
    ),
    (_QUEUE, "GET"): _operation(
        "queue",
        "One queue",
        "With its open batches, and the batches that were settled last, newest first.",
        "QueueAnswer",
        *_OF_QUEUE,
        _limit(20),
        parameter("before", "The next of an answer: those before."),
        fails=_NAMED,
    ),
    (f"{_QUEUE}/flush", "POST"): _operation(
        "flush_queue",
        "Send what waits in a queue now",
        "Whatever its size and age, once nothing holds it.",
        "Flushed",
        *_OF_QUEUE,
        fails=(*_NAMED, *_OF_BODY),
    ),
    ("/v1/flush", "POST"): _operation(
        "flush",
        "Send what waits in many queues now",
        "In those that are named; without any, in all.",
        "Flushed",
        fails=_NAMED,
        body=ref("FlushAsked"),
    ),
    **_holding("queue", _QUEUE, *_OF_QUEUE),
    **_holding(
        "connection", "/v1/connections/{connection}", parameter("connection", "Its name.", "path", example="default")
    ),
    ("/v1/holds", "GET"): _operation("holds", "What is held", "Why, and what ends it.", "Holds"),
    ("/v1/connections", "GET"): _operation(
        "connections",
        "The connections",
        "Whose key each has, how it is flushed, whether it is held.",
        "Connections",
        parameter("check", _CHECK, type="boolean"),
    ),
    ("/v1/dead", "GET"): _operation(
        "letters",
        "Dead letters",
        "In the order of their queues, oldest first in each, without anything of the persons.",
        "Letters",
        *_FILTERS,
        fails=_NAMED,
    ),
    (_LETTER, "GET"): _operation(
        "letter",
        "One dead letter",
        "What was to be done, when, why it could not be, and the sender's id of the message.",
        "Letter",
        *_OF_LETTER,
        _PERSONAL,
        fails=_NAMED,
    ),
    (f"{_LETTER}/confirm", "POST"): _operation(
        "confirm",
        "Carry out an erasure that needs a look",
        "The profiles that the letter names under `erasure` are the person's, and Klaviyo deletes them. It needs "
        "the role admin.",
        "Replayed",
        *_OF_LETTER,
        fails=(*_NAMED, "409"),
        body=ref("Nothing"),
    ),
    ("/v1/dead/replay", "POST"): _operation(
        "replay",
        "Send dead letters again",
        "They are put back into their queues, in front of what was accepted later.",
        "Replayed",
        fails=_NAMED,
        body=_REPLAYS,
        needed=True,
    ),
    ("/v1/audit", "GET"): _operation(
        "audit",
        "Who did what",
        "Newest first, without anything of the persons it was about.",
        "Audit",
        _limit(100),
        parameter("before", "The next of an answer: those before it.", **LETTER_ID),
    ),
}
