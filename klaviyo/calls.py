"""A call to Klaviyo, from the limiter's slot to the classified answer.

Also the two longer forms: listings, read page by page, and bulk requests, whose rows are cut to Klaviyo's caps.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from klaviyo.endpoints import Endpoint
from klaviyo.errors import NotAccepted, Throttled
from klaviyo.http import Answer, Reply, Transport
from klaviyo.meter import UNMETERED, Meter
from klaviyo.outcomes import UNEXPECTED, Accepted, Bisect, Outcome, Retry, Rows, read_problems, summary
from klaviyo.responses import classify, left_out

#: The longest that a worker waits for a slot. After that it gives the batch back and serves another one.
PATIENCE_S = 1.0
#: 10,000 rows with an error each are 100 pages, so 1,000 pages mean that the links form a loop.
MAX_PAGES = 1_000
logger = logging.getLogger(__name__)
Shape = TypeVar("Shape")
#: Klaviyo takes 5 MB a request; the margin allows for differences in how Klaviyo counts bytes.
MAX_BODY = 4_500_000
#: For `chunks`: bytes of rows that stay under MAX_BODY together with the rest of the request.
MAX_ROW_BYTES = MAX_BODY - 1_000
Item = TypeVar("Item")


class Limiter(Protocol):
    """The methods of a limiter that the client calls."""

    def acquire(self, endpoint: str) -> float:
        """Take a slot and return 0.0, or return the seconds until one may be free."""
        ...

    def pause(self, endpoint: str, seconds: float) -> None:
        """Give nobody a slot for `seconds`."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes calls with one transport and one limiter, and reports each call to the meter.

    `before_request` runs before each request; an exception that it raises stops the call.
    """

    transport: Transport
    limiter: Limiter
    before_request: Callable[[], None]
    meter: Meter = UNMETERED

    def with_hook(self, before_request: Callable[[], None]) -> Caller:
        """Return the same caller with another hook."""
        return replace(self, before_request=before_request)

    def __call__(
        self, endpoint: Endpoint, identifier: str = "", query: str = "", body: bytes | None = None
    ) -> dict[str, Any]:
        """Make one call and return the document of its answer, `{}` where there is none.

        `identifier`: fills the path. `query`: already encoded. Raises NotAccepted, Throttled, the limiter's
        `RedisError` and what `before_request` raises.
        """
        self._take_slot(endpoint)
        self.before_request()
        began = time.monotonic()
        answer = self.transport.send(endpoint.method, endpoint.url_path(identifier), query, body)
        outcome = _judge(endpoint, answer)
        _log(endpoint, answer, outcome, (time.monotonic() - began) * 1000)
        if isinstance(outcome, Accepted):
            self._report_left_out(endpoint, answer)
            return outcome.body
        if isinstance(answer, Reply) and answer.status == 429 and isinstance(outcome, Retry):
            self.limiter.pause(endpoint.name, outcome.after_s or 0.0)
            self.meter.throttled(endpoint.name)
        raise NotAccepted(endpoint.name, outcome)

    def _take_slot(self, endpoint: Endpoint) -> None:
        patience = PATIENCE_S
        while (wait := self.limiter.acquire(endpoint.name)) > 0:
            self.meter.waits(endpoint.name, wait)
            if wait > patience:
                raise Throttled(endpoint.name, wait)
            time.sleep(wait)
            patience -= wait
        self.meter.calls(endpoint.name)

    def _report_left_out(self, endpoint: Endpoint, answer: Answer) -> None:
        """Log and count fields that Klaviyo left out: the batch counts as delivered, so nothing else reports them."""
        fields = left_out(answer.headers) if isinstance(answer, Reply) else []
        if fields:
            logger.warning(
                "%s: Klaviyo accepted the request but left %s out of one or more rows; Ferry does not send the "
                "missing fields again",
                endpoint.name,
                ", ".join(fields),
            )
        for field in fields:
            self.meter.partial_failure(endpoint.name, field)

    def pages(self, endpoint: Endpoint, identifier: str, query: str) -> Iterator[list[Any]]:
        """Yield the `data` of each page. Raises as a call does, and UNEXPECTED when a link leads to another address."""
        for _ in range(MAX_PAGES):
            data, following = self.page(endpoint, identifier, query)
            yield data
            if following is None:
                return
            query = following
        raise NotAccepted(endpoint.name, UNEXPECTED)

    def page(self, endpoint: Endpoint, identifier: str, query: str) -> tuple[list[Any], str | None]:
        """Return the `data` of one page and the query of the next, None after the last. Raises as `pages` does."""
        page = shape(endpoint, self(endpoint, identifier, query), _Page)
        following = page.links.next
        return page.data, None if following is None else self._next_query(endpoint, identifier, following)

    def _next_query(self, endpoint: Endpoint, identifier: str, link: str) -> str:
        """Return the query of a link. Only the query is used, so the key is never sent to another host."""
        parts = urlsplit(link)
        here = f"{self.transport.base_url}{endpoint.url_path(identifier)}"
        if f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}" != here:
            raise NotAccepted(endpoint.name, UNEXPECTED)
        return parts.query


class _Links(msgspec.Struct, frozen=True):
    next: str | None = None


class _Page(msgspec.Struct, frozen=True):
    data: list[Any]
    links: _Links = _Links()


def shape(endpoint: Endpoint, document: object, kind: type[Shape]) -> Shape:
    """Return `document` as a `kind`, ignoring unknown fields. Raises NotAccepted with UNEXPECTED if it does not fit."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError:
        pass
    # Raised outside the handler, because msgspec's message may quote the document.
    raise NotAccepted(endpoint.name, UNEXPECTED)


def _judge(endpoint: Endpoint, answer: Answer) -> Outcome:
    if isinstance(answer, Reply):
        return classify(answer.status, answer.headers, answer.body, endpoint=endpoint, now=time.time())
    return answer


def _log(endpoint: Endpoint, answer: Answer, outcome: Outcome, milliseconds: float) -> None:
    """Log one line per request, with the error ids that Klaviyo's support asks for."""
    refused = not isinstance(outcome, Accepted)
    status = answer.status if isinstance(answer, Reply) else "no answer"
    problems = (read_problems(answer.body) or ()) if refused and isinstance(answer, Reply) else ()
    logger.log(
        logging.INFO if refused else logging.DEBUG,
        "%s: %s in %d ms, %s, Klaviyo error ids: %s",
        endpoint.name,
        status,
        milliseconds,
        summary(outcome),
        ", ".join(problem.error_id for problem in problems[:10]) or "none",
    )


def checked_rows(body: bytes, rows: int, max_rows: int) -> bytes:
    """Return `body`, which carries `rows` rows. Raises ValueError for no rows or more than Klaviyo takes at once."""
    if not 0 < rows <= max_rows:
        raise ValueError(f"The request takes 1 to {max_rows} rows, not {rows}: cut them with chunks().")
    if len(body) > MAX_BODY:
        raise ValueError(f"The request takes {MAX_BODY} bytes, not {len(body)}: cut the rows with chunks().")
    return body


def send_rows(call: Caller, endpoint: Endpoint, body: bytes, rows: int) -> dict[str, Any]:
    """Return the document of an accepted request with `rows` rows. Raises NotAccepted; its Rows name only these."""
    try:
        return call(endpoint, body=body)
    except NotAccepted as refusal:
        outcome = _explain(refusal.outcome, rows)
        if outcome is refusal.outcome:
            raise
        raise NotAccepted(refusal.endpoint, outcome) from None


def _explain(outcome: Outcome, sent: int) -> Outcome:
    """Return the refusal without errors about rows that were not sent."""
    if isinstance(outcome, Rows):
        errors = tuple(error for error in outcome.errors if error.index < sent)
        first = outcome.errors[0]
        outcome = Rows(errors) if errors else Bisect(first.code, first.detail, first.pointer, first.error_id)
    return outcome


def chunks(
    items: Sequence[Item],
    max_items: int,
    max_bytes: int,
    size: Callable[[Item], int] = len,  # type: ignore[assignment]  # for items that have a length
) -> Iterator[Sequence[Item]]:
    """Yield consecutive, non-empty parts of `items`, each as long as the caps allow.

    `size(item)` is its length in bytes; one byte is added for the comma. An item larger than `max_bytes` becomes a
    separate part, which the caller has to handle.
    """
    start = used = 0
    for index, item in enumerate(items):
        cost = size(item) + 1
        if index > start and (index - start >= max_items or used + cost > max_bytes):
            yield items[start:index]
            start, used = index, 0
        used += cost
    if start < len(items):
        yield items[start:]
