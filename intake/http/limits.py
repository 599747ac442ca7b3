"""How much one sender may ask for at once: the table of all limits of the intake.

Those of any JSON text, levels, digits, values and names, hold in snapshots too, and stand in `mappings.json_limits`.
"""

from __future__ import annotations

from mappings.json_limits import DIGITS, NAMES, NESTED, VALUES

__all__ = ["DIGITS", "NAMES", "NESTED", "VALUES"]

#: Bytes of a body, after decompression.
BODY = 10 * 1024 * 1024
#: Bytes of a body from a sender without a token: enough for mParticle's registration request, and for nothing else.
ANONYMOUS_BODY = 8 * 1024
#: Streams of gzip that one body may be made of. Each costs a copy of what comes behind it.
STREAMS = 200
#: Bytes of all bodies in the hands of one process, so that its memory has a limit.
IN_FLIGHT = 4 * BODY
#: Bytes of those that show no token, apart from the others: a signature can only be checked when they are whole. Two,
#: because a peer may hold half.
UNSIGNED = 2 * BODY
#: Bytes of a body with a token that is not counted when it is there at once.
SMALL = 16 * 1024
#: Bodies that are waited for at a time, of one sender; and without a token, of one peer.
UNFINISHED = 256
UNFINISHED_UNSIGNED = 32
#: Bytes of a request's line and headers.
HEAD = 32 * 1024
#: Seconds in which a head must have come.
HEAD_SECONDS = 10.0
#: Connections of one process, half of them of one peer; beyond, those end that do the least for their senders.
CONNECTIONS = 1_000
#: Seconds in which a request must have come, its body included; of a body of any size, each piece of it.
REQUEST_SECONDS = 30.0
#: Bytes of a body that is read while all other requests wait; a larger one is read in a thread.
AT_ONCE = 128 * 1024
#: Bytes of a compressed body that is unpacked while all others wait: a thousandth of what it may hold.
PACKED_AT_ONCE = 4 * 1024
#: Changes in one request to /v1/changes, messages in one batch of Segment's.
CHANGES = 10_000
#: People in one message of mParticle's, which is set to send a hundred at a time.
PROFILES = 10_000
#: Audiences of one person, and of all people of a message together.
AUDIENCES = 1_000
#: Changes that the people of one message come to: each person once for each of the person's audiences.
MEMBERSHIPS = 50_000
#: Identities of one person. mParticle knows some thirty types.
IDENTITIES = 100
#: Groups of one campaign: as many as Klaviyo has room for lists.
GROUPS = 1_000
#: Characters of an audience id, an audience name, and the id of a message (or its idempotency key).
AUDIENCE_ID = 200
AUDIENCE_NAME = 255
MESSAGE_ID = 200
#: Bytes of each of the fields that hold for all messages of a batch; as many as Segment allows a whole message. They
#: are laid under each of the messages, so that a small request could ask for very much work.
SHARED = 32 * 1024
#: Bytes that one message may make the ledger store. What a message says once of a person is stored for each of the
#: person's audiences, so that a small message could ask for very much.
STORED = 2 * BODY
