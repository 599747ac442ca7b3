"""GET /api/accounts: which account a key belongs to."""

from __future__ import annotations

from typing import ClassVar

from falcon.asgi import Request, Response

from emulator import documents
from emulator.jsonapi import send_page
from emulator.limits import XS
from emulator.operations import Calls, Operation
from emulator.world import ACCOUNT_ID


class Accounts(Calls):
    """/api/accounts."""

    operations: ClassVar = {"GET": Operation("get_accounts", XS, ("accounts:read",))}

    async def on_get(self, req: Request, resp: Response) -> None:
        """The one account; under another id for keys that are told to be of another."""
        found = documents.account(req, req.context.key.account or ACCOUNT_ID, test=self.world.test_account)
        send_page(req, resp, [found], None)
