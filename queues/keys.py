"""Every Redis key of the ledger.

All keys of a partition share the hash tag `{pNN}`, so that a script, which uses one partition only, also runs on
Redis Cluster. FERRY_PREFIX precedes every key, including RQ's, and changes no hash tag.

    ferry:{pNN}:due                ZSET   queue -> ms at which the flush policy must check it (0: now)
    ferry:{pNN}:ring               ZSET   batch -> ms at which a worker must be rung for it
    ferry:{pNN}:queues             SET    every queue of the partition
    ferry:{pNN}:rows               HASH   queue -> its figures that are not 0 (figures.py)
    ferry:{pNN}:names              HASH   queue of an audience -> its name
    ferry:{pNN}:totals             HASH   connection/kind, space, figure -> the sum of the rows
    ferry:{pNN}:oldest:<connection>/<kind>
                                   ZSET   queue -> ms at which its oldest pending change was accepted
    ferry:{pNN}:trouble            ZSET   queue -> 8 changes are missing + 4 held + 2 a batch fails + 1 dead letters
    ferry:{pNN}:hours              HASH   hour, or hour and d -> changes delivered, or dead, in its queues
                                          (history/hours.py)
    ferry:{pNN}:settled            ZSET   queue, space, batch -> ms at which it was settled; the last 20
    ferry:{pNN}:epoch              STRING random; if it is missing, the partition was emptied
    ferry:{pNN}:steps              STRING number of acceptances, takings and settlings, ms of the last
                                          (server/rollback.py)
    ferry:{pNN}:confirming         STRING written before the server is asked to confirm durability
                                          (server/connection.py)
    ferry:{pNN}:seen:<digest>      STRING a message already accepted into a queue; expires after 24 h
    ferry:{pNN}:q:<queue>          HASH   counters and facts of a queue, see below
    ferry:{pNN}:q:<queue>:pending  LIST   pending changes, oldest first (format: change.py)
    ferry:{pNN}:q:<queue>:open     SET    person keys of the changes in open batches
    ferry:{pNN}:q:<queue>:batches  ZSET   open batch -> ms at which it was taken
    ferry:{pNN}:q:<queue>:dead     STREAM dead letters: change, reason, detail, first, attempts
    ferry:{pNN}:q:<queue>:buried   HASH   person key -> ids of the person's dead letters
    ferry:{pNN}:q:<queue>:warnings HASH   code -> people delivered without some field
    ferry:{pNN}:q:<queue>:history  HASH   settled batch -> outcomes of its changes (history/settled.py), for 30 days
    ferry:{pNN}:q:<queue>:settled  ZSET   the same batch, space, number of its changes -> ms at which it was settled
    ferry:{pNN}:q:<queue>:hours    HASH   the same as for the partition, for this queue; expires
    ferry:{pNN}:q:<queue>:alarmed  STRING the log warned of too many or too old dead letters; expires
    ferry:{pNN}:q:<queue>:members  HASH   bucket -> members known to be on the audience's list (snapshots/buckets.py)
    ferry:{pNN}:q:<queue>:recent   SET    person keys of the changes that arrived while a snapshot is carried out; their
                                          prefix says of which kind (accept.lua)
    ferry:{pNN}:q:<queue>:syncs    ZSET   snapshot -> ms at which it was submitted; the last ones
    ferry:{pNN}:q:<queue>:erased   ZSET   person key -> ms at which the person asked to be forgotten; expires
    ferry:{pNN}:q:<queue>:said:<generation>:<bucket>
                                   HASH   hash of a person or id -> times of the newest membership changes
                                          (people/lateness.py); expires after four days
    ferry:{pNN}:q:<queue>:places:<ms>:<start of a key>
                                   HASH   part of a person key -> places of the pending changes with it
                                          (history/traces.py); expires
    ferry:{pNN}:id:<connection>:<bucket>
                                   HASH   people's identifiers, as keyed hashes only
                                          (people/identities.py)
    ferry:{pNN}:s:<snapshot>       STRING JSON, state and result of a snapshot (snapshots/records.py); expires
    ferry:{pNN}:s:<snapshot>:roster LIST  members of its list, until the ledger has them (snapshots/rosters.py); expires
    ferry:{pNN}:s:<snapshot>:rejected
                                   STRING numbers of the rows that cannot be sent, by reason (snapshots/outcomes.py);
                                          expires
    ferry:{pNN}:s:<snapshot>:people
                                   STRING action -> keyed hashes of the people whom it changes, and names of attributes
                                          (snapshots/outcomes.py); expires
    ferry:{pNN}:s:<snapshot>:outcomes
                                   HASH   batch -> what became of the snapshot's changes in it (snapshots/outcomes.py);
                                          expires
    ferry:{pNN}:s:<snapshot>:body  HASH   number -> compressed piece of its body, until it is carried out
                                          (snapshots/orders.py)
    ferry:{pNN}:b:<batch>          HASH   an open batch: queue, reason, taken, count, token, lease, held, claimant,
                                          crashes, attempts, progress, sent, fails; while a large settlement is written
                                          also decided, written (settlement.py)
    ferry:{pNN}:b:<batch>:persons  SET    its person keys, while it is taken in portions (pending.py); expires
    ferry:{pNN}:b:<batch>:changes  LIST   its changes, never altered except that erased ones are blanked, and deleted
                                          when they are settled

Fields of a queue: `size`, `age` (flush policy, changes and ms), `takes` (batches ever taken), `taken` (changes ever
taken, except from behind a requested flush), `behind` (changes ever taken from there), `upto` (the value of `taken`
at which a requested flush is complete), `upto_by` (operator or age), `uploaded` (ms of the last take), `places` (ms
at which its index was begun, and where it ends), `landed` (ms at which the last batch was settled that Klaviyo took,
at least in part), `unsent` (open batches not uploaded yet), `failing` (open batches whose last attempt failed),
`accepted`, `open`, `delivered`, `dead`, `superseded` (changes), `evicted` (dead letters deleted because they were too
many or too old), `remembered` (changes in the history), `audience` (JSON: name and settings of the CDP), `list_id`
and `list_name` (the Klaviyo list found), `keeps` (the list that it keeps, or would if it were the first), `shares` (a
list that it may share with its keeper), `hold` (JSON: why nothing is taken), `mirrored` (its members are kept),
`watching` (the snapshot or repair that is being carried out), `watching_until` (ms, of a repair; afterwards its
process counts as dead), `snapshot_at` (ms, the time of the last snapshot carried out). In a queue of snapshots,
`list_id` is the list that the membership ledger describes, and `compared` the ms at which its comparison with the
ledger was ordered last.

Keys outside the partitions, written by plain commands or by a script of one key:

    ferry:wake                     LIST   one element when a queue became due; schedulers block on it
    ferry:clocks                   HASH   machine whose clock is off -> ms by which it is ahead, space, ms at which that
                                          was found (clock.py); expires
    ferry:heartbeat:scheduler      STRING ms of the last tick; expires
    ferry:installation             HASH   `id`: owner of this Redis; `since`: ms; `named`: a process has used that name
                                          (server/installation.py)
    ferry:klaviyo:<connection>     HASH   `account`: where it delivers; fingerprint of a key -> its account
                                          (connections/accounts.py)
    ferry:emptied                  STRING ms at which a scheduler noticed that; expires
    ferry:rolled-back              HASH   noticed, as_of, until (ms), missing: it went back in time; until
                                          acknowledged (server/rollback.py)
    ferry:holds                    HASH   connection -> JSON hold
    ferry:confirmations            HASH   held connection -> probes that found the cause still there
    ferry:probing                  STRING held connections are probed once until it expires
    ferry:owners                   HASH   list -> queue that keeps it, or has given it up (owners.py)
    ferry:owners:since             STRING ms since when lists have owners
    ferry:housekeeping             STRING housekeeping runs once until it expires
    ferry:comparing                STRING comparisons of lists are ordered once until it expires
    ferry:differing                HASH   audience's queue -> JSON: how its list differs from the membership ledger
                                          (snapshots/comparisons.py)
    ferry:account:<connection>     HASH   settings a CDP sent for a connection, API key encrypted; also the key's
                                          fingerprint, since, by, the previous key, and one that was undone
                                          (connections/account_keys.py)
    ferry:key-changes              HASH   what, connection, sender -> JSON: a key or settings that a message changed or
                                          tried to (connections/key_changes.py); a week
    ferry:sender:<name>            HASH   a sender's last use, requests and refusals (senders.py)
    ferry:limits:pause:<account>:<endpoint>
                                   STRING the endpoint is not called for the account until it expires
                                          (rate_limits.py)
    ferry:limits:window/...        LIST   times of the last requests (rate_limits.py, by `limits`)
    ferry:throttle:<what>/...      LIST   times of wrong tokens and sign-ins (sign_in_counts.py, by `limits`)
    ferry:rates:sender/<name>/...  LIST   times of a sender's last requests (senders.py, by `limits`)
    ferry:consents:<connection>:<person key>
                                   HASH   purpose -> what the person decided about it, and when;
                                          other key of the person -> nothing; expires after a year
    ferry:lock:list:<digest>       STRING a worker is looking up or creating the list of that name
    ferry:identities:key           STRING random bytes that key the hashes of people and identifiers
    ferry:{claims:<scope>}         HASH   hash of an identifier -> hash of the person that open batches send with it,
                                          and these batches (owners.py). Scope: `account:` and Klaviyo's id, or the
                                          connection if that is unknown
    ferry:{claims:<scope>}:<batch>
                                   SET    hashes of the identifiers that a batch has claimed; expires after 30 days
    ferry:shared:<connection>      HASH   kind and part of the hash of an identifier that too many people share -> ms
                                          since when
    ferry:erased:<connection>      ZSET   hash of a person who was erased -> ms when; for 30 days
    ferry:users                    HASH   user of the console -> JSON: role, SHA-256 of the token, since (ms)
    ferry:signed-out:<session>     STRING a session that its user ended; expires with the session
    ferry:sign-in:<digest>         STRING user whom a one-time link signs in (sign_in_links.py); expires after a minute
    ferry:audit                    STREAM who did what to which queue (audit.py), about the last 10,000
    ferry:metrics                  HASH   JSON array of a metric and its labels -> count (metrics.py)
    ferry:alerts                   HASH   alert that is raised, or over with channels to notify -> JSON (alerts.py)
    ferry:alerts:seen              HASH   scheduler, worker, judge -> ms at which one was seen last
    ferry:alerts:judging           STRING alerts are judged once until it expires
    ferry:connections              HASH   connection whose key Ferry keeps -> JSON: key (encrypted), since (ms), account
    ferry:{queries}:ring           ZSET   run of a query that has not ended -> ms at which a worker must be rung for it
    ferry:{queries}:q:<query>      HASH   schedule, next (ms), running, skips, pause, columns, definition, good,
                                          good_at (queries/records.py)
    ferry:{queries}:q:<query>:runs ZSET   run -> ms at which it was asked for; the last ones
    ferry:{queries}:r:<run>        HASH   JSON record of a run; while it lasts also token, lease, claimant, crashes,
                                          cancel (queries/leases.py); expires after 30 days
    ferry:{queries}:source:<source>
                                   ZSET   run that reads from the source -> ms at which its lease runs out
"""

from __future__ import annotations

from typing import Final

from queues.key_prefix import PREFIX
from queues.names import PARTITIONS, Queue
from queues.server import cluster_url

#: The prefix of every key except RQ's, which begin with `PREFIX` only.
ROOT: Final = f"{PREFIX}ferry:"
INSTALLATION = f"{ROOT}installation"
WAKE = f"{ROOT}wake"
CLOCKS = f"{ROOT}clocks"
HEARTBEAT = f"{ROOT}heartbeat:scheduler"
EMPTIED = f"{ROOT}emptied"
ROLLED_BACK = f"{ROOT}rolled-back"
HOLDS = f"{ROOT}holds"
CONFIRMATIONS = f"{ROOT}confirmations"
PROBING = f"{ROOT}probing"
HOUSEKEEPING = f"{ROOT}housekeeping"
OWNERS = f"{ROOT}owners"
OWNERS_SINCE = f"{ROOT}owners:since"
IDENTITY_KEY = f"{ROOT}identities:key"
USERS = f"{ROOT}users"
AUDIT = f"{ROOT}audit"
METRICS = f"{ROOT}metrics"
ALERTS = f"{ROOT}alerts"
ALERTS_SEEN = f"{ROOT}alerts:seen"
ALERTS_JUDGING = f"{ROOT}alerts:judging"
CONNECTIONS = f"{ROOT}connections"
COMPARING = f"{ROOT}comparing"
DIFFERING = f"{ROOT}differing"
KEY_CHANGES = f"{ROOT}key-changes"
QUERY_RING = f"{ROOT}{{queries}}:ring"
#: Prefixes of the keys that `limits` writes: for Klaviyo's rates, the console's sign-ins, and senders' rates.
LIMITS = f"{ROOT}limits"
THROTTLE = f"{ROOT}throttle"
RATES = f"{ROOT}rates"
#: Prefix of RQ's own keys, with a hash tag because RQ's scripts use several of its keys at once.
RQ_PREFIX = f"{PREFIX}{cluster_url.RQ_TAG}:"


def partition(number: int, name: str) -> str:
    """Return a key of a partition. `name`: what follows the hash tag in the list above."""
    return f"{ROOT}{{p{number:02d}}}:{name}"


def never_written(like: str) -> str:
    """Return a key with the hash tag of another, under which nothing is ever stored (scripts.py)."""
    return like[: like.index("}") + 1] + ":never"


def queue(name: Queue, part: str = "") -> str:
    """Return a key of a queue: its hash, or one of its parts, such as `pending`."""
    return partition(name.partition, f"q:{name}{':' + part if part else ''}")


def seen(name: Queue, digest: str) -> str:
    """Return the key that marks a message as accepted into a queue."""
    return partition(name.partition, f"seen:{digest}")


def batch(batch_id: str, part: str = "") -> str:
    """Return a key of a batch: its hash, its `changes`, or its `persons`."""
    return partition(batch_partition(batch_id), f"b:{batch_id}{':' + part if part else ''}")


def batch_partition(batch_id: str) -> int:
    """Return the partition that a batch id's first two digits name. Raises ValueError for other text."""
    number = int(batch_id[:2])
    if not 0 <= number < PARTITIONS or batch_id[2:3] != "-":
        raise ValueError(f"{batch_id!r} is not a batch id; expected NN-<hex>")
    return number


def snapshot(snapshot_id: str, part: str = "") -> str:
    """Return a key of a snapshot, whose id names the partition as a batch id does: its record, or its `body`."""
    return partition(batch_partition(snapshot_id), f"s:{snapshot_id}{':' + part if part else ''}")


def account(connection: str) -> str:
    """Return the key of the settings that a CDP sent for a connection."""
    return f"{ROOT}account:{connection}"


def klaviyo(connection: str) -> str:
    """Return the key of a connection's Klaviyo account and of the fingerprints of its keys."""
    return f"{ROOT}klaviyo:{connection}"


def sender(name: str) -> str:
    """Return the key of a sender's use."""
    return f"{ROOT}sender:{name}"


def consents(connection: str, person: str) -> str:
    """Return the key of a person's consents."""
    return f"{ROOT}consents:{connection}:{person}"


def claims(scope: str, batch_id: str = "") -> str:
    """Return the key of the claims on identifiers in an account or a connection, or of one batch's claims."""
    return f"{ROOT}{{claims:{scope}}}{':' + batch_id if batch_id else ''}"


def shared(connection: str) -> str:
    """Return the key of a connection's identifiers that too many people share."""
    return f"{ROOT}shared:{connection}"


def erased(connection: str) -> str:
    """Return the key of the hashes of a connection's people who were erased lately."""
    return f"{ROOT}erased:{connection}"


def list_lock(digest: str) -> str:
    """Return the key of the lock for looking up or creating a list."""
    return f"{ROOT}lock:list:{digest}"


def signed_out(session: str) -> str:
    """Return the key that marks a session as ended."""
    return f"{ROOT}signed-out:{session}"


def sign_in_link(digest: str) -> str:
    """Return the key of a one-time link for signing in."""
    return f"{ROOT}sign-in:{digest}"


def query(name: str, part: str = "") -> str:
    """Return a key of a scheduled query: its hash, or its `runs`."""
    return f"{ROOT}{{queries}}:q:{name}{':' + part if part else ''}"


def query_run(run_id: str) -> str:
    """Return the key of a run of a query."""
    return f"{ROOT}{{queries}}:r:{run_id}"


def query_source(name: str) -> str:
    """Return the key of the runs that read from a source."""
    return f"{ROOT}{{queries}}:source:{name}"
