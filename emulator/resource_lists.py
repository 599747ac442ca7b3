"""/api/lists: reading, creating and deleting lists."""

from __future__ import annotations

from typing import ClassVar

from falcon.asgi import Request, Response

from emulator import documents, filters, query
from emulator.errors import ApiError, bad_payload, bad_request, invalid, not_found
from emulator.jsonapi import Json, data_of, send_nothing, send_one, send_page
from emulator.limits import CREATE_LIST, L, M
from emulator.lists import ListLimitError, MailingList
from emulator.operations import Calls, Operation
from emulator.paging import page
from emulator.world import World

FILTERS = {
    "id": filters.TEXT,
    "name": filters.TEXT,
    "created": frozenset({"greater-than"}),
    "updated": frozenset({"greater-than"}),
}
SORTS = ("created", "id", "name", "updated")
OPT_INS = ("single_opt_in", "double_opt_in")


def list_of(world: World, list_id: str) -> MailingList:
    """Return the list; raises `ApiError` 404."""
    found = world.lists.by_id.get(list_id)
    if found is None:
        raise not_found(f"A list with id `{list_id}` does not exist.")
    return found


class Lists(Calls):
    """/api/lists."""

    operations: ClassVar = {
        "GET": Operation("get_lists", L, ("lists:read",)),
        "POST": Operation("create_list", CREATE_LIST, ("lists:write",)),
    }

    async def on_get(self, req: Request, resp: Response) -> None:
        """Return a page of at most 10 lists, by default in the order of the ids."""
        order = query.page_order(req, default=10, maximum=10)
        query.include(req, ("tags", "flow-triggers"))
        clauses = query.clauses(req, FILTERS)
        field, descending = query.sort(req, SORTS)
        found = [x for x in self.world.lists.by_id.values() if all(filters.holds(c, x.value(c.field)) for c in clauses)]

        def position(item: MailingList) -> tuple[str, str]:
            return item.value(field or "id"), item.id

        found.sort(key=position)
        shown = page(found, position, size=order.size, cursor=order.cursor, descending=descending)
        send_page(req, resp, [documents.mailing_list(req, item) for item in shown.items], shown.cursor)

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create a list; two lists may have the same name."""
        attributes = _checked(data_of(req, "list").get("attributes"))
        opt_in = attributes.get("opt_in_process") or self.world.lists.default_opt_in
        try:
            created = self.world.lists.create(attributes["name"], opt_in, self.world.now())
        except ListLimitError:
            raise bad_request("Maximum number of lists exceeded.") from None
        send_one(req, resp, 201, documents.mailing_list(req, created))


def _checked(attributes: object) -> Json:
    if not isinstance(attributes, dict):
        raise bad_payload("/data/attributes")
    problems = [
        invalid(f"'{name}' is not a valid field for the resource 'list'.", f"/data/attributes/{name}")
        for name in attributes.keys() - {"name", "opt_in_process"}
    ]
    if not isinstance(attributes.get("name"), str) or not attributes["name"].strip():
        problems.append(invalid("'name' must be a non-empty string.", "/data/attributes/name"))
    if attributes.get("opt_in_process") not in (None, *OPT_INS):
        problems.append(invalid("'opt_in_process' is not one of the options.", "/data/attributes/opt_in_process"))
    if problems:
        raise ApiError(400, *problems)
    return attributes


class OneList(Calls):
    """/api/lists/{id}."""

    operations: ClassVar = {
        "GET": Operation("get_list", L, ("lists:read",)),
        "DELETE": Operation("delete_list", M, ("lists:write",)),
    }

    async def on_get(self, req: Request, resp: Response, list_id: str) -> None:
        """Return the list."""
        send_one(req, resp, 200, documents.mailing_list(req, list_of(self.world, list_id)))

    async def on_delete(self, req: Request, resp: Response, list_id: str) -> None:
        """Delete the list; its members stay profiles."""
        del self.world.lists.by_id[list_of(self.world, list_id).id]
        send_nothing(resp, 204)
