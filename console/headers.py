"""What every answer of the console tells the browser to beware of."""

from __future__ import annotations

from typing import Any, Final

import falcon.asgi

from console.transport import way_of

_ALWAYS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
#: A year.
_HSTS: Final = "max-age=31536000"


class Headers:
    """Middleware: nothing is kept by browsers or proxies, and pages load what is ours, unless the answer says so."""

    async def process_response(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Set them."""
        headers: dict[str, Any] = {name: value for name, value in _ALWAYS.items() if not resp.get_header(name)}
        if not resp.get_header("Cache-Control"):
            headers["Cache-Control"] = "no-store"
        if way_of(req) == "https":
            headers["Strict-Transport-Security"] = _HSTS
        resp.set_headers(headers)
