"""Every write to Redis stands in queues/: no other room calls a command that changes what Redis keeps."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.rooms import ROOMS, modules

#: Commands that write, and what runs or builds them, under names that nothing else has.
WRITES: Final = frozenset(
    " ".join(
        (
            "setex setnx psetex getset getdel getex mset msetnx expire pexpire expireat pexpireat persist renamenx",
            "incr incrby incrbyfloat decr decrby setrange setbit pfadd pfmerge geoadd publish swapdb config_set",
            "hset hsetnx hmset hdel hincrby hincrbyfloat hexpire hpexpire",
            "lpush rpush lpushx rpushx lpop rpop blpop brpop lrem lset ltrim linsert lmove blmove rpoplpush brpoplpush",
            "sadd srem spop smove sinterstore sunionstore sdiffstore",
            "zadd zrem zincrby zpopmin zpopmax bzpopmin bzpopmax zremrangebyrank zremrangebyscore zremrangebylex",
            "zrangestore zunionstore zinterstore zdiffstore",
            "xadd xdel xtrim xack xgroup_create xreadgroup xclaim xautoclaim",
            "flushdb flushall eval evalsha fcall script_load register_script execute_command",
        )
    ).split()
)
#: Commands whose names other things have too: a write where they are called on a client or on a pipeline.
SHARED: Final = frozenset({"set", "delete", "unlink", "rename", "append", "copy", "move", "lock", "restore", "touch"})
#: What clients and pipelines are called, and the ends of the names of their types.
CLIENTS: Final = frozenset({"redis", "connection", "pipe", "pipeline", "from_url", "Redis", "connect"})
TYPES: Final = ("Redis", "Pipeline", "RedisCluster")
#: Of the `limits` library: who builds one counts in Redis.
STORAGES: Final = frozenset({"RedisStorage", "RedisClusterStorage", "RedisSentinelStorage"})


def writes(tree: ast.Module) -> Iterator[str]:
    """What a module does to Redis, with its line."""
    clients = CLIENTS | set(_clients(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.alias) and node.name == "queues.scripts":
            yield f"imports {node.name}"
        if isinstance(node, ast.ImportFrom) and node.module == "queues" and "scripts" in {n.name for n in node.names}:
            yield f"line {node.lineno}: imports queues.scripts"
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        on = _last(called.value) if isinstance(called, ast.Attribute) else ""
        if name in STORAGES or (on and name in WRITES) or (name in SHARED and on in clients):
            yield f"line {node.lineno}: {ast.unparse(called)}()"


def _last(value: ast.expr) -> str:
    """`self._redis` -> `redis`; a call -> what is called."""
    if isinstance(value, ast.Call):
        return _last(value.func)
    name = value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else "?"
    return name.lstrip("_")


def _clients(tree: ast.Module) -> Iterator[str]:
    """What a module calls clients and pipelines: by their types, and by what they are made of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation and _is_client(node.annotation):
            yield node.arg.lstrip("_")
        if isinstance(node, ast.AnnAssign) and _is_client(node.annotation):
            yield _last(node.target)
        if isinstance(node, ast.Assign) and _makes(node.value):
            yield from (_last(target) for target in node.targets)
        if isinstance(node, ast.withitem) and node.optional_vars and _makes(node.context_expr):
            yield _last(node.optional_vars)


def _is_client(annotation: ast.expr) -> bool:
    return any(name.endswith(TYPES) for name in ast.unparse(annotation).replace("|", " ").replace("'", " ").split())


def _makes(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and _last(value.func) in {"Redis", "connect", "pipeline", "from_url"}


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "queues"])
def test_a_room_writes_nothing_to_redis(room: str) -> None:
    found = {path: list(writes(tree)) for path, tree in modules(room)}
    assert {path: each for path, each in found.items() if each} == {}, "move it into a function of queues/"


def test_the_ledger_itself_is_seen_to_write() -> None:
    assert sum(len(list(writes(tree))) for _, tree in modules("queues")) > 80


@pytest.mark.parametrize(
    "source",
    [
        "redis.set('a', 1)",
        "self._redis.unlink('a')",
        "delivery.redis.hset('a', 'b', 'c')",
        "with redis.pipeline() as queued: queued.delete('a')",
        "async def f(ledger: AsyncRedis | None): await ledger.rename('a', 'b')",
        "ledger = connect(url); ledger.delete('a')",
        "Redis.from_url(url).set('a', 1)",
        "redis.lock('a').acquire()",
        "anything.zadd('a', {})",
        "storage = RedisStorage('redis://')",
        "from queues import keys, scripts",
        "import queues.scripts",
    ],
)
def test_a_write_is_found(source: str) -> None:
    assert list(writes(ast.parse(source))) != []


@pytest.mark.parametrize(
    "source", ["redis.get('a')", "found.append(1)", "path.unlink()", "_current.set(1)", "'a'.copy()"]
)
def test_what_is_no_write_is_not_found(source: str) -> None:
    assert list(writes(ast.parse(source))) == []
