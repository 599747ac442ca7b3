"""An HTTP server of a test's own, for what Ferry sends out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: path, headers, body -> the status of the answer.
Take = Callable[[str, Message, bytes], int]


@contextmanager
def listening(take: Take) -> Iterator[int]:
    """Takes what is posted, as long as the block lasts; its port on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = take(self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
