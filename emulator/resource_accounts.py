"""GET /api/accounts: the account of a key."""

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
        """Return the only account; with another id for keys configured with another account."""
        found = documents.account(req, req.context.key.account or ACCOUNT_ID, test=self.world.test_account)
        send_page(req, resp, [found], None)
