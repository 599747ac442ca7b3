"""The real libraries of Segment and RudderStack post to a running Ferry, and the people arrive in Klaviyo's emulator.

Each library is the published package (`make clients`), in a process of its own, with nothing set but its host and its
write key. Between it and Ferry a relay notes what passes.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.clients import ENVIRONMENT, LIBRARIES, command
from tests.support.posting import JOURNEY, KEYS, Posting, about, installed, joining, libraries, posting_to, slug
from tests.support.segment_docs import lines_of
from tests.support.up import Up

#: Section of docs/segment.md -> the script that types it, what stands before it, and whose write key it is.
ROWS = {
    "Segment, Python": ("python", "import segment.analytics as analytics", "segment"),
    "Segment, Node": ("node", "const { Analytics } = require('@segment/analytics-node')", "segment"),
    "RudderStack, Python": ("python", "import rudderstack.analytics as analytics", "rudderstack"),
    "RudderStack, Node": ("node", "const Analytics = require('@rudderstack/rudder-sdk-node')", "rudderstack"),
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Up, dict[str, str]]]:
    with installed(tmp_path_factory.mktemp("libraries")) as found:
        yield found


@pytest.fixture
def posting(installation: tuple[Up, dict[str, str]]) -> Iterator[Posting]:
    with posting_to(*installation) as found:
        yield found


def typed(row: str, url: str) -> list[str]:
    """A program of the first two lines that a library's section shows."""
    kind, before, name = ROWS[row]
    change, run, _ = lines_of(row)
    shown = re.findall(r"`([^`]+)`", change + run)
    shown[0] = shown[0] if kind == "python" else f"const analytics = {shown[0]}"
    lines = [each.replace("<token>", KEYS[name]).replace("https://ferry.example.com", url) for each in shown]
    return [kind, "\n".join([before, *lines])]


@pytest.mark.parametrize("row", ROWS)
def test_who_types_the_lines_of_a_library_sees_the_person(posting: Posting, row: str) -> None:
    kind, program = typed(row, posting.relay.url)
    subprocess.run(command(kind, program), env=ENVIRONMENT, check=True, timeout=120)
    assert posting.relay.statuses() == [200]
    posting.deliver()
    assert posting.person("ann@example.com")["external_id"] == "u-17"


@libraries
def test_all_six_calls_of_a_library_reach_klaviyo_as_one_person(posting: Posting, library: str) -> None:
    user = slug(library, "journey")
    assert posting.post(library, *about(user, JOURNEY)) == []
    assert set(posting.relay.statuses()) == {200}
    posting.deliver()
    person = posting.person(f"{user}@example.com")
    assert (person["external_id"], person["first_name"]) == (user, "Ann")
    assert posting.metrics(person["id"]) == ["Played", "alias", "group", "page", "screen"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_too_much_for_one_request_arrives_whole(posting: Posting, library: str) -> None:
    user = slug(library, "many")
    assert posting.post(library, *joining(user, 120)) == []
    assert len(posting.relay.seen) > 1
    assert {exchange.path for exchange in posting.relay.seen} == {"/v1/batch"}
    packed = {exchange.headers["Content-Encoding"] for exchange in posting.relay.seen}
    assert packed == {"gzip" if LIBRARIES[library].packed else None}
    posting.deliver()
    assert len({posting.person(f"{user}-{n}@example.com")["id"] for n in range(120)}) == 120


@libraries
def test_a_process_that_ends_without_a_flush_has_sent_what_it_was_given(posting: Posting, library: str) -> None:
    user = slug(library, "exit")
    assert posting.post(library, *joining(user, 3), then="exit") == []
    posting.deliver()
    for n in range(3):
        posting.person(f"{user}-{n}@example.com")


@libraries
def test_what_was_flushed_is_not_lost_when_the_process_is_terminated(posting: Posting, library: str) -> None:
    user = slug(library, "terminated")
    form = LIBRARIES[library]
    with form.started(posting.relay.url, KEYS[form.name], *joining(user, 3), then="linger") as process:
        assert process.stdout
        assert process.stdout.readline().strip() in ('{"flushed": true}', '{"flushed":true}')
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    posting.deliver()
    for n in range(3):
        posting.person(f"{user}-{n}@example.com")
