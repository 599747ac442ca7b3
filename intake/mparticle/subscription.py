"""Remembers which audiences mParticle has connected."""

from __future__ import annotations

from msgspec import UNSET
from redis.asyncio import Redis
from redis.exceptions import RedisError

from configuration.connections import Connection
from intake.audiences import facts, without_lists
from intake.incoming import KIND
from intake.mparticle import settings as setting_values
from intake.mparticle.messages import Subscription, SubscriptionResponse
from intake.mparticle.settings import LIST_ID
from mappings.values import visible
from queues import keys
from queues.acceptance import Acceptance
from queues.errors import Unavailable
from queues.names import Queue


def acceptance(
    message: Subscription, connection: Connection, ignored: dict[Queue, dict[str, str]] | None
) -> Acceptance:
    """Return the acceptance of an audience's name and settings.

    A disconnected audience is remembered as disconnected; nothing is deleted. `ignored`: collects list settings that
    do not count; None when they count.
    """
    audience_id = str(message.audience_id)
    queue = Queue(connection.name, KIND, audience_id)
    removed = "remove" if message.action == "remove" else ""
    name, settings = visible(message.audience_name), setting_values.read(message.audience_subscription_settings)
    return Acceptance(
        queue,
        connection.policy_for(KIND, audience_id),
        f"{message.__struct_config__.tag}:{message.id}" if message.id else "",
        audience=facts(name, settings, removed)
        if ignored is None
        else without_lists(name, settings, ignored, queue, removed),
    )


async def answer(redis: Redis, message: Subscription, queue: Queue) -> SubscriptionResponse:
    """Return the settings for mParticle to keep, with the Klaviyo list once there is one. Raises Unavailable."""
    settings = setting_values.read(message.audience_subscription_settings)
    try:
        list_id = await redis.hget(keys.queue(queue), "list_id")
    except (RedisError, OSError) as fault:
        raise Unavailable from fault
    if list_id:
        settings[LIST_ID] = list_id.decode() if isinstance(list_id, bytes) else list_id
    return SubscriptionResponse(audience_subscription_settings=settings or UNSET)
