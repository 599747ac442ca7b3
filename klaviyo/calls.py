"""One call of Klaviyo, from the limiter's slot to the classified answer, and the pages made of such calls.

What Klaviyo left out of a request that it accepted: it names the fields in a header, and in no error.

Seen for an invalid phone beside a valid identifier, in subscriptions, new profiles and events (Klaviyo's staff, 2025).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from klaviyo.endpoints import Endpoint
from klaviyo.errors import NotAccepted, Throttled
from klaviyo.http import Answer, Reply, Transport
from klaviyo.meter import UNMETERED, Meter
from klaviyo.outcomes import UNEXPECTED, Accepted, Outcome, Retry, read_problems, summary
from klaviyo.responses import classify

#: A worker may wait this long for a slot; beyond it the batch goes back and the worker serves another.
PATIENCE_S = 1.0
#: 10,000 rows with an error each are 100 pages: whoever gets to 1,000 is being led in circles.
MAX_PAGES = 1_000

logger = logging.getLogger(__name__)
Shape = TypeVar("Shape")


class Limiter(Protocol):
    """What the client needs of a limiter."""

    def acquire(self, endpoint: str) -> float:
        """0.0 and a slot is taken, or the seconds until one may be free."""
        ...

    def pause(self, endpoint: str, seconds: float) -> None:
        """Refuse everybody's slots for `seconds`."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes calls with one transport and one limiter, and tells the meter of each.

    `before_request` runs before each, and what it raises stops the call.
    """

    transport: Transport
    limiter: Limiter
    before_request: Callable[[], None]
    meter: Meter = UNMETERED

    def with_hook(self, before_request: Callable[[], None]) -> Caller:
        """The same caller with another hook."""
        return replace(self, before_request=before_request)

    def __call__(
        self, endpoint: Endpoint, identifier: str = "", query: str = "", body: bytes | None = None
    ) -> dict[str, Any]:
        """The document of an accepted call, `{}` where there is none.

        `identifier`: fills the path. `query`: already encoded. Raises NotAccepted, Throttled, the limiter's
        `RedisError` and whatever `before_request` raises.
        """
        self._take_slot(endpoint)
        self.before_request()
        began = time.monotonic()
        answer = self.transport.send(endpoint.method, endpoint.url_path(identifier), query, body)
        outcome = _judge(endpoint, answer)
        _log(endpoint, answer, outcome, (time.monotonic() - began) * 1000)
        if isinstance(outcome, Accepted):
            self._tell_left_out(endpoint, answer)
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

    def _tell_left_out(self, endpoint: Endpoint, answer: Answer) -> None:
        """A batch that Klaviyo took is delivered, so nobody else would learn that a part of it is missing there."""
        fields = left_out(answer.headers) if isinstance(answer, Reply) else []
        if fields:
            logger.warning(
                "%s: Klaviyo took the request and left %s out of one row or more; the rest is stored, and what was "
                "left out is not sent again",
                endpoint.name,
                ", ".join(fields),
            )
        for field in fields:
            self.meter.partial_failure(endpoint.name, field)

    def pages(self, endpoint: Endpoint, identifier: str, query: str) -> Iterator[list[Any]]:
        """The `data` of each page. Raises as a call does, and UNEXPECTED when the next page is elsewhere."""
        for _ in range(MAX_PAGES):
            data, following = self.page(endpoint, identifier, query)
            yield data
            if following is None:
                return
            query = following
        raise NotAccepted(endpoint.name, UNEXPECTED)

    def page(self, endpoint: Endpoint, identifier: str, query: str) -> tuple[list[Any], str | None]:
        """The `data` of one page, and the query of the next, None after the last. Raises as `pages` does."""
        page = shape(endpoint, self(endpoint, identifier, query), _Page)
        following = page.links.next
        return page.data, None if following is None else self._next_query(endpoint, identifier, following)

    def _next_query(self, endpoint: Endpoint, identifier: str, link: str) -> str:
        """Only the query of Klaviyo's link is used, so the key goes nowhere else whatever the link says."""
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
    """`document` as a `kind`, unknown fields ignored. Raises NotAccepted with UNEXPECTED when it is none."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError:
        pass
    # Raised outside the handler: msgspec's complaint may quote what it found.
    raise NotAccepted(endpoint.name, UNEXPECTED)


def _judge(endpoint: Endpoint, answer: Answer) -> Outcome:
    if isinstance(answer, Reply):
        return classify(answer.status, answer.headers, answer.body, endpoint=endpoint, now=time.time())
    return answer


def _log(endpoint: Endpoint, answer: Answer, outcome: Outcome, milliseconds: float) -> None:
    """One line per request; Klaviyo's support asks for the error ids."""
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


#: In lower case, as header names compare without it.
HEADER: Final = "x-klaviyo-partial-failure"
#: Stands for a name that is none of these: a header's text could be anything, an address included.
OTHER: Final = "other"
#: What a profile, a subscription or an event may hold, so that what is logged and counted has a bound.
_FIELDS: Final = frozenset(
    {
        "email",
        "external_id",
        "first_name",
        "image",
        "last_name",
        "locale",
        "location",
        "organization",
        "phone_number",
        "properties",
        "subscriptions",
        "title",
    }
)


def left_out(headers: Mapping[str, str]) -> list[str]:
    """The fields that were left out of one row or more, each once and in order; none without the header."""
    text = next((value for name, value in headers.items() if name.lower() == HEADER), "")
    names = (name.strip().lower() for name in text.split(","))
    return sorted({name if name in _FIELDS else OTHER for name in names if name})
