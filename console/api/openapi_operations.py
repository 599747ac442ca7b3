"""The operations of the operator's API, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from console.api import requests
from console.api.openapi_requests import parameters
from intake.openapi.schemas import Schema, answer, errors, in_json, operation, parameter, ref
from ops.dead_letters.selecting import ID

_ALWAYS: Final = ("401", "403", "429", "500", "503")
#: Errors of a body that cannot be accepted.
_OF_BODY: Final = ("400", "411", "413", "415")
#: Errors of an unknown name.
_NAMED: Final = ("400", "404")


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
    """Return an operation. `form`: the schema of its answer. `fails`: its errors besides those of every operation.

    `body`: the schema of its body, which is optional unless it is `needed`.
    """
    statuses = (*_ALWAYS, *fails, *(_OF_BODY if body else ()))
    responses = {"200": answer("Done.", ref(form)), **errors("Operator", *statuses)}
    content = in_json(body) if body else None
    return operation(name, summary, description, responses, *parameters, body=content, needed=needed)


_OF_QUEUE: Final = (
    parameter("connection", "The queue's connection.", "path", example="default"),
    parameter("kind", "audience, snapshot, profile, event, consent or erasure.", "path", example="audience"),
    parameter("target", "The CDP's id of the audience, percent-encoded: a / in it is %2F.", "path", example="42"),
)
_OF_LETTER: Final = (
    *_OF_QUEUE,
    parameter("letter", "The letter's id.", "path", pattern=f"^{ID}$", example="1767225599999-0"),
)
_REPLAYS: Final = {"oneOf": [ref(f"Replay{which}") for which in ("Letters", "Filtered", "All")]}
_QUEUE: Final = "/v1/queues/{connection}/{kind}/{target}"
_LETTER: Final = "/v1/dead/{connection}/{kind}/{target}/{letter}"


def _holding(kind: str, path: str, *parameters: Schema) -> dict[tuple[str, str], Schema]:
    """Return the operations that hold and release a queue or a connection."""
    return {
        (f"{path}/hold", "POST"): _operation(
            f"hold_{kind}",
            f"Hold a {kind}",
            "Nothing is sent until it is released; new changes are queued. A connection is held with all its queues.",
            "Placed",
            *parameters,
            fails=_NAMED,
            body=ref("HoldAsked"),
            needed=True,
        ),
        (f"{path}/release", "POST"): _operation(
            f"release_{kind}",
            f"Release a {kind}",
            "Checks first whether the cause of the hold is gone, which may take Klaviyo some seconds.",
            "Released",
            *parameters,
            fails=(*_NAMED, "409"),
            body=ref("ReleaseAsked"),
        ),
    }


_QUERIES: Final = "/v1/queries"
_QUERY: Final = f"{_QUERIES}/{{query}}"
_OF_QUERY: Final = parameter("query", "The query's name in connections.toml.", "path", example="vips")
_KEY: Final = parameter(
    "Idempotency-Key", "A repetition with the same key begins no second run.", "header", maxLength=255
)
#: The operations of scheduled queries.
_OF_QUERIES: Final = {
    (_QUERIES, "GET"): _operation(
        "queries", "All scheduled queries", "With their next slots and their last runs.", "Queries"
    ),
    (_QUERY, "GET"): _operation(
        "query", "One scheduled query", "With its SQL for the role admin.", "QueryAnswer", _OF_QUERY, fails=_NAMED
    ),
    (f"{_QUERY}/runs", "GET"): _operation(
        "query_runs",
        "The runs of a query",
        "Newest first, with their counts and what became of their changes.",
        "QueryRuns",
        _OF_QUERY,
        *parameters(requests.RUNS),
        fails=_NAMED,
    ),
    (f"{_QUERY}/run", "POST"): _operation(
        "run_query",
        "Run a query now",
        "The schedule stays as it is. 409 while another run is queued or reading.",
        "QueryRunBegun",
        _OF_QUERY,
        _KEY,
        fails=(*_NAMED, "409"),
        body=ref("RunAsked"),
    ),
    (f"{_QUERY}/pause", "POST"): _operation(
        "pause_query",
        "Pause the schedule of a query",
        "Runs by hand still work. A run that has begun goes on.",
        "QueryPaused",
        _OF_QUERY,
        fails=_NAMED,
        body=ref("HoldAsked"),
        needed=True,
    ),
    (f"{_QUERY}/resume", "POST"): _operation(
        "resume_query",
        "Resume the schedule of a query",
        "It runs at the next slot; slots that came meanwhile are not made up for.",
        "QueryResumed",
        _OF_QUERY,
        fails=_NAMED,
        body=ref("Nothing"),
    ),
}

#: (path, method) -> operation, without what openapi.py adds to each.
OPERATIONS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("/v1/queues", "GET"): _operation(
        "queues",
        "All queues and processes",
        "As `ferry status --json`, at most a second old.",
        "Census",
        *parameters(requests.QUEUES),
    ),
    (_QUEUE, "GET"): _operation(
        "queue",
        "One queue",
        "With its batches in progress and its last settled batches, newest first.",
        "QueueAnswer",
        *_OF_QUEUE,
        *parameters(requests.UPLOADS),
        fails=_NAMED,
    ),
    (f"{_QUEUE}/flush", "POST"): _operation(
        "flush_queue",
        "Flush a queue: send its pending changes now",
        "Regardless of size and age. The changes of a held queue are sent after release.",
        "Flushed",
        *_OF_QUEUE,
        fails=(*_NAMED, *_OF_BODY),
    ),
    ("/v1/flush", "POST"): _operation(
        "flush",
        "Flush several queues: send their pending changes now",
        "Flushes the named queues; without names, all.",
        "Flushed",
        fails=_NAMED,
        body=ref("FlushAsked"),
    ),
    **_holding("queue", _QUEUE, *_OF_QUEUE),
    **_holding(
        "connection",
        "/v1/connections/{connection}",
        parameter("connection", "The connection's name.", "path", example="default"),
    ),
    **_OF_QUERIES,
    ("/v1/holds", "GET"): _operation("holds", "All holds", "With the reason of each hold and what ends it.", "Holds"),
    ("/v1/connections", "GET"): _operation(
        "connections",
        "All connections",
        "With the origin of each key, the flush policy and the hold, if there is one.",
        "Connections",
        *parameters(requests.CONNECTIONS),
    ),
    ("/v1/dead", "GET"): _operation(
        "letters",
        "Dead letters",
        "In the order of their queues, oldest first in each, without personal data unless it is asked for.",
        "Letters",
        *parameters(requests.LETTERS),
        fails=_NAMED,
    ),
    (_LETTER, "GET"): _operation(
        "letter",
        "One dead letter",
        "The change, its times, why it failed, and the sender's id of the message.",
        "Letter",
        *_OF_LETTER,
        *parameters(requests.LETTER),
        fails=_NAMED,
    ),
    (f"{_LETTER}/confirm", "POST"): _operation(
        "confirm",
        "Confirm an erasure that needs a look",
        "Confirms that the profiles under `erasure` belong to the person. Klaviyo then deletes them.",
        "Replayed",
        *_OF_LETTER,
        fails=(*_NAMED, "409"),
        body=ref("Nothing"),
    ),
    ("/v1/dead/replay", "POST"): _operation(
        "replay",
        "Replay dead letters",
        "Puts them back into their queues, before the changes accepted later.",
        "Replayed",
        fails=_NAMED,
        body=_REPLAYS,
        needed=True,
    ),
    ("/v1/audit", "GET"): _operation(
        "audit",
        "Audit log",
        "Newest first, without personal data.",
        "Audit",
        *parameters(requests.AUDIT),
    ),
}
