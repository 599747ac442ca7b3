"""All limits of the intake: how much one sender may ask for at once.

The limits of JSON texts (levels, digits, values and names) apply to snapshots too, and are in `mappings.json_limits`.
"""

from __future__ import annotations

from mappings.json_limits import DIGITS, NAMES, NESTED, VALUES

__all__ = ["DIGITS", "NAMES", "NESTED", "VALUES"]

#: Bytes of a body, after decompression.
BODY = 10 * 1024 * 1024
#: Bytes of a body from a sender without a token: enough for mParticle's registration request only.
ANONYMOUS_BODY = 8 * 1024
#: Bytes of a body that contains its sender's write key, when no header shows it: Segment's own limit for a batch, below
#: which its libraries for browsers and phones stay.
KEYED_BODY = 500 * 1024
#: Gzip streams in one body. Each costs a copy of the rest of the body.
STREAMS = 200
#: Bytes of all bodies that one process holds, so that its memory has a limit.
IN_FLIGHT = 4 * BODY
#: Bytes of bodies without a token, counted separately: a signature or a write key in the body can be checked only when
#: the body is complete. Two bodies, because a peer may hold half.
UNSIGNED = 2 * BODY
#: Bytes of a body with a token that is not counted when it is complete at once.
SMALL = 16 * 1024
#: Unfinished bodies of one sender at a time; and of one peer, without a token.
UNFINISHED = 256
UNFINISHED_UNSIGNED = 32
#: Bytes of a request's line and headers.
HEAD = 32 * 1024
#: Seconds within which a head must arrive.
HEAD_SECONDS = 10.0
#: Connections of one process, at most half of them of one peer; beyond that, those doing the least for senders end.
CONNECTIONS = 1_000
#: Seconds within which a request must arrive, including its body; for a body of any size, each piece of it.
REQUEST_SECONDS = 30.0
#: Bytes of a body that is read in the event loop, while other requests wait; a larger one is read in a thread.
AT_ONCE = 128 * 1024
#: Bytes of a compressed body that is unpacked in the event loop: it may unpack to about a thousand times as many.
PACKED_AT_ONCE = 4 * 1024
#: Changes in one request to /v1/changes, messages in one Segment batch.
CHANGES = 10_000
#: Lines in one request of NDJSON, with the blank ones: a small gzip body may have millions of them.
LINES = 10 * CHANGES
#: People in one mParticle message; mParticle is configured to send a hundred at a time.
PROFILES = 10_000
#: Audiences of one person, and of all people of a message together.
AUDIENCES = 1_000
#: Changes in one message: each person counts once for each of the person's audiences.
MEMBERSHIPS = 50_000
#: Identities of one person. mParticle knows some thirty types.
IDENTITIES = 100
#: Groups of one campaign: as many as Klaviyo has room for lists.
GROUPS = 1_000
#: Audiences that one campaign reads, each once for each list: an audience of a million people takes about a second.
COMPARED = 100
#: Characters of an audience id, an audience name, and the id of a message (or its idempotency key).
AUDIENCE_ID = 200
AUDIENCE_NAME = 255
MESSAGE_ID = 200
#: Bytes of each field shared by all messages of a batch; Segment allows as many for a whole message. They are merged
#: into every message, so a small request could cause very much work.
SHARED = 32 * 1024
#: Bytes that one message may make the ledger store. A person's data is stored for each of the person's audiences, so a
#: small message could need very much.
STORED = 2 * BODY
