"""`/users`: who may view, act and see personal data. For admins only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import falcon
import falcon.asgi
from redis import Redis

from console import render
from console.auth.roles import visitor
from console.context import AppContext
from console.forms import form, see
from queues import audit
from queues import users as stored_users
from queues.clock import now_ms
from queues.users import ADMIN, Role, User

ROLES: Final = [str(role) for role in Role if role is not Role.NOBODY]
_NAME_HELP: Final = f"1 to 40 of a-z 0-9 . _ - and not {ADMIN}."


class UsersPage:
    """The list of the users, and a form that adds one."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show the users, without their tokens."""
        await self._show(req, resp)

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Add a user and show the token, this once; 400 and the form for an invalid or known name."""
        given = await form(req)
        name, role = given.get("name", "").strip(), given.get("role", "")
        if not stored_users.is_name(name) or role not in ROLES:
            await self._refuse(req, resp, given, f"Give a name of {_NAME_HELP}")
            return
        token = await self._context.run(_add, self._context.redis, visitor(req).who, name, role)
        if token is None:
            await self._refuse(req, resp, given, f"There is a user {name} already. Remove them first.")
            return
        await self._show(req, resp, added=name, token=token)

    async def _refuse(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, given: dict[str, str], wrong: str
    ) -> None:
        resp.status = falcon.HTTP_400
        await self._show(req, resp, name=given.get("name", ""), wrong=wrong)

    async def _show(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        name: str = "",
        wrong: str = "",
        added: str = "",
        token: str = "",
    ) -> None:
        found = await self._context.run(_everyone, self._context.redis)
        shown = {"name": name, "wrong": wrong, "added": added, "token": token, "name_help": _NAME_HELP}
        has_admin = self._context.settings.admin_token is not None
        render.page(req, resp, "users.html", users=found, roles=ROLES, has_admin=has_admin, **shown)


class UserRole:
    """Changes the role of a user. The token stays."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, user: str) -> None:
        """Change it; 404 for an unknown user, 400 for an unknown role."""
        role = (await form(req)).get("role", "")
        if role not in ROLES:
            raise falcon.HTTPBadRequest(title="No such role", description=f"Choose one of {', '.join(ROLES)}.")
        if not await self._context.run(_change, self._context.redis, visitor(req).who, user, role):
            raise _unknown(user)
        see(resp, "/users")


class UserRemoval:
    """Removes a user, after a question."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, user: str) -> None:
        """Ask."""
        found = {each.name: each for each in await self._context.run(_everyone, self._context.redis)}
        if user not in found:
            raise _unknown(user)
        render.page(req, resp, "user_removal.html", user=found[user])

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, user: str) -> None:
        """Remove the user, whose sessions and token end."""
        if not await self._context.run(_remove, self._context.redis, visitor(req).who, user):
            raise _unknown(user)
        see(resp, "/users")


def _unknown(user: str) -> falcon.HTTPNotFound:
    return falcon.HTTPNotFound(title="No such user", description=f"There is no user {user}. Perhaps it was removed.")


def _everyone(redis: Redis) -> Sequence[User]:
    return list(stored_users.everyone(redis).values())


def _add(redis: Redis, who: str, name: str, role: str) -> str | None:
    """Return the token of the new user; None if there is one of this name."""
    token = stored_users.new_token()
    user = User(name, Role[role.upper()], stored_users.digest(token), now_ms())
    if not stored_users.add(redis, user):
        return None
    audit.note(redis, who, "user added", name, f"as {role}")
    return token


def _change(redis: Redis, who: str, name: str, role: str) -> bool:
    done = stored_users.change_role(redis, name, Role[role.upper()])
    if done:
        audit.note(redis, who, "user changed", name, f"to {role}")
    return done


def _remove(redis: Redis, who: str, name: str) -> bool:
    done = stored_users.remove(redis, name)
    if done:
        audit.note(redis, who, "user removed", name)
    return done
