"""Segment's and RudderStack's libraries for browsers, as published, post from a page of another origin."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from redis import Redis

from local import group_files
from queues import keys
from queues.names import Queue
from tests.browser.chromium import Chromium, as_new
from tests.support.clients import INSTALLED
from tests.support.ops import ferry_process
from tests.support.up import Up
from tests.support.waiting import until

KEY = "a-write-key-that-every-visitor-can-read"
CONNECTIONS = """
[connections.default]
[senders.website]
token_env = "WEBSITE_WRITE_KEY"
routes = ["segment"]
allowed_origins = ["{origin}"]
"""
QUEUES = (Queue("default", "profile", "profiles"), Queue("default", "event", "events"))
PACKAGES = INSTALLED / "node_modules"
#: Page -> the file of the library, and the lines that a website has. {host}: where Ferry listens.
PAGES = {
    "segment": (
        "@segment/analytics-next/dist/umd/index.js",
        """const [analytics] = await AnalyticsNext.AnalyticsBrowser.load(
          {{ writeKey: "{key}", cdnSettings: {{ integrations: {{ "Segment.io": {{ apiKey: "{key}" }} }} }} }},
          {{ integrations: {{ "Segment.io": {{ apiHost: "{host}/v1", protocol: "http" }} }} }})
        await analytics.identify("u-segment", {{ email: "segment@example.com" }})
        await analytics.track("Played", {{ level: 3 }})""",
    ),
    "rudderstack": (
        "@rudderstack/analytics-js/dist/npm/legacy/bundled/umd/index.js",
        """const source = {{ id: "s", name: "s", writeKey: "{key}", workspaceId: "w", enabled: true, config: {{}},
          updatedAt: "2026-11-21T12:00:00Z", destinations: [] }}
        const analytics = new rudderanalytics.RudderAnalytics()
        const getSourceConfig = () => ({{ source, updatedAt: source.updatedAt }})
        analytics.load("{key}", "http://{host}", {{ getSourceConfig }})
        analytics.identify("u-rudderstack", {{ email: "rudderstack@example.com" }})
        analytics.track("Played", {{ level: 3 }})""",
    ),
}


class Website:
    """Serves the pages; `host`: the Ferry that they post to."""

    def __init__(self) -> None:
        self.host = ""
        website = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.removeprefix("/").removesuffix(".js")
                found = website.script(name) if self.path.endswith(".js") else website.page(name)
                self.send_response(200)
                self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
                self.end_headers()
                self.wfile.write(found)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def script(self, name: str) -> bytes:
        return (PACKAGES / PAGES[name][0]).read_bytes() if name in PAGES else b""

    def page(self, name: str) -> bytes:
        if name not in PAGES:
            return b""
        lines = PAGES[name][1].format(key=KEY, host=self.host)
        return f'<script src="/{name}.js"></script><script type="module">{lines}</script>'.encode()

    def close(self) -> None:
        self._server.shutdown()
        self.thread.join(30)
        self._server.server_close()


@pytest.fixture(scope="module")
def website() -> Iterator[Website]:
    found = Website()
    found.thread.start()
    yield found
    found.close()


@pytest.fixture(scope="module")
def settings(website: Website, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    file = tmp_path_factory.mktemp("settings") / "connections.toml"
    file.write_text(CONNECTIONS.format(origin=website.origin))
    return {"FERRY_CONNECTIONS": str(file), "WEBSITE_WRITE_KEY": KEY}


@pytest.fixture(scope="module")
def up(website: Website, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    started = Up(tmp_path_factory.mktemp("website") / "var", **settings)
    try:
        started.wait_until_up()
        website.host = f"127.0.0.1:{started.port}"
        yield started
    finally:
        started.end()


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_tells_its_library_reaches_klaviyo(
    driver: Chromium, website: Website, up: Up, settings: dict[str, str], page: str
) -> None:
    as_new(driver)
    known = group_files.read(up.var)
    with Redis.from_url(known["REDIS_URL"]) as redis:
        driver.get(f"{website.origin}/{page}")
        pending = [keys.queue(queue, "pending") for queue in QUEUES]
        until(lambda: all(redis.llen(key) for key in pending), "the person and the event are pending")
    told = ferry_process(None, up.var, "flush", "--all", "--wait", **settings)
    assert told.returncode == 0, told.stderr
    answer = requests.get(f"{known['KLAVIYO_BASE_URL']}/_emulator/profiles/{page}@example.com", timeout=30)
    assert (answer.status_code, answer.json()["external_id"]) == (200, f"u-{page}")
