from __future__ import annotations

import logging

import pytest
from falcon.asgi import Request, Response
from falcon.testing import TestClient

from emulator.app import create_app
from emulator.world import World
from tests.support.emulator_api import HEADERS


class Broken:
    async def on_get(self, req: Request, resp: Response) -> None:
        raise RuntimeError("boom")


class Empty:
    async def on_post(self, req: Request, resp: Response) -> None:
        resp.status = 202


@pytest.fixture
def client() -> TestClient:
    app = create_app(World())
    app.add_route("/api/broken", Broken())
    app.add_route("/api/empty", Empty())
    return TestClient(app, headers=HEADERS)


def test_a_bug_is_answered_as_klaviyo_answers_its_own_and_logged(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client.simulate_get("/api/broken")
    (error,) = answer.json["errors"]
    assert (answer.status_code, error["code"]) == (500, "error")
    assert error["title"] == error["detail"] == "A server error occurred."
    assert [record.getMessage() for record in caplog.records] == [
        "the emulator failed on GET /api/broken; answering 500"
    ]


def test_an_empty_202_has_no_content_type(client: TestClient) -> None:
    answer = client.simulate_post("/api/empty")
    assert (answer.status_code, answer.content) == (202, b"")
    assert "Content-Type" not in answer.headers
