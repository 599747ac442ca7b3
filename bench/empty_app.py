"""An application that only reads a request and answers 202, to measure the web framework alone.

`uvicorn bench.empty_app:app` serves it.
"""

from __future__ import annotations

import falcon
import falcon.asgi

from bench.messages import PATH


class Empty:
    """Reads requests and ignores them."""

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Read one message and answer 202."""
        await req.stream.read()
        resp.status = falcon.HTTP_202
        resp.data = b"{}"


app: falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response] = falcon.asgi.App()
app.add_route(PATH, Empty())
