"""Klaviyo's own clients, for Python and for Node, called alike: names are those of Klaviyo's API."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from klaviyo_api import KlaviyoAPI
from openapi_client.exceptions import ApiException

from tests.support.clients import script

#: Fields whose content is the user's own.
_FREE: Final = frozenset({"properties", "event_properties", "original_payload"})


class Refused(Exception):
    """Klaviyo did not accept a call. `errors`: its answer as JSON text."""

    def __init__(self, status: int, errors: str) -> None:
        super().__init__(f"{status}: {errors}")
        self.status, self.errors = status, errors


class Client(Protocol):
    """Makes one call: the path's parameters and the body by position, the query by the names of Klaviyo's SDKs."""

    def __call__(self, operation: str, *arguments: Any, **query: Any) -> Any:
        """Return the body of the answer, None if it has none. Raises Refused."""


@contextmanager
def python_client(url: str, key: str = "pk_test") -> Iterator[Client]:
    """Return the package `klaviyo-api`."""
    sdk = KlaviyoAPI(key, max_retries=1, test_host=url)
    apis = (sdk.Accounts, sdk.Data_Privacy, sdk.Events, sdk.Lists, sdk.Metrics, sdk.Profiles)

    def call(operation: str, *arguments: Any, **query: Any) -> Any:
        api = next(api for api in apis if hasattr(api, operation))
        try:
            answer = getattr(api, operation)(*arguments, **query)
        except ApiException as refused:
            raise Refused(refused.status, str(refused.body)) from refused
        return answer.to_dict() if hasattr(answer, "to_dict") else answer

    yield call
    sdk.api_client.rest_client.pool_manager.clear()


@contextmanager
def node_client(url: str, key: str = "pk_test") -> Iterator[Client]:
    """Return the npm package `klaviyo-api`."""
    with script("klaviyo.js") as process:
        assert process.stdin
        assert process.stdout
        _write(process, {"address": url, "key": key})

        def call(operation: str, *arguments: Any, **query: Any) -> Any:
            assert process.stdout
            options = {_camel(name): value for name, value in query.items()}
            given = [*(_renamed(each, _camel) for each in arguments), options]
            _write(process, {"name": _camel(operation), "arguments": given})
            answer = json.loads(process.stdout.readline())
            if "status" in answer:
                raise Refused(answer["status"], json.dumps(answer["errors"]))
            return _renamed(answer["body"], _snake)

        yield call
        process.stdin.close()
        process.wait(60)


def _write(process: subprocess.Popen[str], line: Any) -> None:
    assert process.stdin
    process.stdin.write(json.dumps(line) + "\n")
    process.stdin.flush()


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    """The value with the names of all its fields in the other spelling."""
    if isinstance(value, list):
        return [_renamed(each, rename) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        (new := rename(name)): each if {name, new} & _FREE else _renamed(each, rename) for name, each in value.items()
    }


def _camel(name: str) -> str:
    """`phone_number` and `events-bulk-create` as Node's client spells them."""
    return re.sub(r"(?<=[a-z0-9])[-_]([a-z])", lambda match: match[1].upper(), name)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)


#: Name -> how to open it.
CLIENTS: Final = {"python": python_client, "node": node_client}
