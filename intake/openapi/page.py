"""`GET /openapi.json`, and `GET /docs`: the same document as a page that loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from html import escape
from typing import Any, Final

import falcon.asgi
import orjson

#: The page may load nothing; only its inline style is allowed.
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 1rem;color:#1c2024}"
    "h2{margin-top:3rem;border-bottom:1px solid #d0d4d9}h3{margin-top:2rem}code{font:.9em ui-monospace,monospace;"
    "background:#f2f4f6;padding:.1em .3em;border-radius:3px}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #e4e7ea}"
    "table{table-layout:fixed}td{overflow-wrap:anywhere}th:first-child{width:38%}th:nth-child(2){width:24%}.method{text-transform:uppercase;font-weight:600;color:#0b6e4f}"
)


class Document:
    """Serves an OpenAPI document as JSON; it is built on the first request."""

    def __init__(self, made: Callable[[], dict[str, Any]]) -> None:
        self._json = cache(lambda: orjson.dumps(made()))

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer with JSON."""
        resp.data = self._json()


class Page:
    """Serves the same document as an HTML page."""

    def __init__(self, made: Callable[[], dict[str, Any]]) -> None:
        self._html = cache(lambda: page(made()).encode())

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer with HTML."""
        resp.content_type = "text/html;charset=utf-8"
        resp.set_header("Content-Security-Policy", POLICY)
        resp.data = self._html()


def page(doc: dict[str, Any]) -> str:
    """Return an OpenAPI document as HTML."""
    info = doc["info"]
    parts = [f"<h1>{escape(info['title'])}</h1>", _paragraph(info["description"])]
    parts += [_paragraph(each.get("description", "")) for each in doc["components"]["securitySchemes"].values()]
    parts.append("<h2>Addresses</h2>")
    for path, operations in doc["paths"].items():
        for method, operation in operations.items():
            parts += _operation(doc, path, method, operation)
    parts.append("<h2>Schemas</h2>")
    for name, schema in doc["components"]["schemas"].items():
        parts += [f'<h3 id="{escape(name)}">{escape(name)}</h3>', _paragraph(schema.get("description", ""))]
        parts.append(_table(("Field", "Type", ""), _rows(schema)))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>"
    )


def _operation(doc: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<h3><span class="method">{escape(method)}</span> <code>{escape(path)}</code></h3>'
    yield _paragraph(operation["summary"] + ". " + operation.get("description", ""))
    if not operation.get("security", doc["security"]):
        yield _paragraph("Needs no token.")
    if parameters := operation.get("parameters"):
        rows = [(p["name"], p["in"], escape(p["description"])) for p in parameters]
        yield _table(("Parameter", "In", ""), rows)
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        note = escape(content["schema"].get("description", ""))
        yield f"<p>Accepts <code>{escape(media)}</code>: {_type(content['schema'])}. {note}</p>"
    yield _table(("Status", "Body", ""), [_response(doc, status, r) for status, r in operation["responses"].items()])


def _response(doc: dict[str, Any], status: str, response: dict[str, Any]) -> tuple[str, str, str]:
    if "$ref" in response:
        response = doc["components"]["responses"][response["$ref"].rpartition("/")[2]]
    bodies = ", ".join(_type(content["schema"]) for content in response["content"].values())
    return status, bodies, escape(response["description"])


def _rows(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield a row for each field, including the fields of nested objects."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        note = ("Required. " if name in required else "") + field.get("description", "")
        yield prefix + name, _type(field), escape(note)
        yield from _rows(field, f"{prefix}{name}.")
        yield from _rows(field.get("items", {}), f"{prefix}{name}[].")


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if either := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(_type(each) for each in either)
    types = schema.get("type", "anything")
    if types == "array" and schema.get("items"):
        return f"array of {_type(schema['items'])}"
    return escape(" or ".join(types) if isinstance(types, list) else types)


def _table(head: tuple[str, str, str], rows: Any) -> str:
    lines = "".join(f"<tr><td><code>{escape(a)}</code></td><td>{b}</td><td>{c}</td></tr>" for a, b, c in rows)
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    return f"<table><tr>{titles}</tr>{lines}</table>" if lines else ""


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""
