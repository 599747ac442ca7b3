"""The actions of people on queries, for commands, pages and API. Each is recorded in the audit log."""

from __future__ import annotations

from collections.abc import Sequence

from redis import Redis

from configuration.queries import Query, query_named
from ops.errors import Failed
from queues import audit, pending
from queues.clock import now_ms
from queues.queries import leases, slots
from text.escaping import visible


def chosen(queries: Sequence[Query], name: str) -> Query:
    """Return the query of this name. Raises Failed."""
    found = query_named(queries, name)
    if found is None:
        known = ", ".join(query.name for query in queries) or "none; add [queries.<name>] to connections.toml"
        raise Failed(f"there is no query {visible(name)!r}; known: {known}")
    return found


def order(
    redis: Redis, who: str, query: Query, *, confirmed: bool = False, reconcile: bool = False, key: str = ""
) -> tuple[str, bool]:
    """Begin a run now. Return its id; or, if another run has not ended, that one's and False.

    `who`: the user, as the audit log shows it. `key`: a repetition with the same one returns the same run.
    """
    run, begun = slots.order(redis, query.name, who, now_ms(), key, confirmed=confirmed, reconcile=reconcile)
    audit.note(redis, who, "query run", query.name, run if begun else "another run has not ended")
    pending.wake(redis)
    return run, begun


def cancel(redis: Redis, who: str, query: Query, run: str) -> bool:
    """Cancel a run that has not been submitted; return False if it has ended."""
    done = leases.cancel(redis, run, now_ms())
    audit.note(redis, who, "query cancel", query.name, audit.DONE if done else "it had ended")
    pending.wake(redis)
    return done


def pause(redis: Redis, who: str, query: Query, reason: str) -> bool:
    """Let the schedule of a query rest; return False if it rests already, and keep that reason."""
    done = slots.pause(redis, query.name, reason, who, now_ms())
    audit.note(redis, who, "query pause", query.name, audit.DONE if done else "paused already")
    return done


def resume(redis: Redis, who: str, query: Query) -> bool:
    """Let the schedule of a query go on, from the next slot; return False if it did not rest."""
    done = slots.resume(redis, query.name)
    audit.note(redis, who, "query resume", query.name, audit.DONE if done else "not paused")
    return done
