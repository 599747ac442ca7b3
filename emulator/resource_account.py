"""The account and its lists: /api/accounts and /api/lists."""

from __future__ import annotations

from emulator import documents, filters
from emulator.errors import bad_payload, bad_request, not_found
from emulator.jsonapi import Call
from emulator.lists import ListLimitError, MailingList
from emulator.paging import page
from emulator.world import ACCOUNT_ID


def get_accounts(call: Call) -> None:
    """Return the only account; with another id for keys configured with another account."""
    call.send_page([documents.account(call, call.account or ACCOUNT_ID)])


def get_account(call: Call) -> None:
    """Return the account of the key; there is no other."""
    if call.subject != (call.account or ACCOUNT_ID):
        raise not_found(f"Account with id {call.subject} not found.")
    call.send_one(200, documents.account(call, call.subject))


def list_of(call: Call) -> MailingList:
    """Return the list that the path names; raises `ApiError` 404."""
    found = call.world.lists.by_id.get(call.subject)
    if found is None:
        raise not_found(f"A list with id `{call.subject}` does not exist.")
    return found


def get_lists(call: Call) -> None:
    """Return a page of at most 10 lists, by default in the order of the ids."""
    every = call.world.lists.by_id.values()
    found = [item for item in every if all(filters.holds(c, item.value(c.field)) for c in call.query.clauses)]

    def position(item: MailingList) -> tuple[str, str]:
        return item.value(call.query.sort or "id"), item.id

    found.sort(key=position)
    shown = page(found, position, call.query)
    call.send_page([documents.mailing_list(call, item) for item in shown.items], shown.cursor)


def create_list(call: Call) -> None:
    """Create a list; two lists may have the same name."""
    attributes = call.data["attributes"]
    opt_in = attributes.get("opt_in_process") or call.world.lists.default_opt_in
    try:
        created = call.world.lists.create(attributes["name"], opt_in, call.now)
    except ListLimitError:
        raise bad_request("Maximum number of lists exceeded.") from None
    call.send_one(201, documents.mailing_list(call, created))


def get_list(call: Call) -> None:
    """Return the list."""
    call.send_one(200, documents.mailing_list(call, list_of(call)))


def update_list(call: Call) -> None:
    """Rename the list or change its opt-in process; the body must repeat the id of the path."""
    item, attributes = list_of(call), call.data["attributes"]
    if call.data["id"] != item.id:
        raise bad_payload("/data/id")
    item.name = attributes.get("name") or item.name
    item.opt_in_process = attributes.get("opt_in_process") or item.opt_in_process
    item.updated = call.now
    call.send_one(200, documents.mailing_list(call, item))


def delete_list(call: Call) -> None:
    """Delete the list; its members stay profiles."""
    del call.world.lists.by_id[list_of(call).id]
    call.send_nothing(204)
