"""What is done to the features that Feast has stored: keys that vanish, values of another type."""

from collections.abc import Iterator
from typing import Any

Client = Any
"""A `redis.Redis`, whose own types know neither keys of bytes nor answers that are not awaited."""

_TOGETHER = 200
_ENTITIES = (b"card_id", b"store_id")
_EVENT_TIME = b"_ts:"
_A_STRING = b"\x12\x01x"
"""A Feast value that holds the string `x`, whatever the feature's type is."""


def delete_every_second(client: Client) -> int:
    """Delete every second hash of the entities that fraud asks for; return how many went."""
    gone = 0
    for keys in _in_parts(client):
        gone += int(client.unlink(*keys[::2]))
    return gone


def break_types(client: Client) -> int:
    """Put a string in the place of their stored values; event times stay. Return how many hashes were broken."""
    broken = 0
    for keys in _in_parts(client):
        read = client.pipeline(transaction=False)
        for key in keys:
            read.hkeys(key)
        write = client.pipeline(transaction=False)
        for key, names in zip(keys, read.execute(), strict=True):
            words = [word for name in names if not name.startswith(_EVENT_TIME) for word in (name, _A_STRING)]
            write.execute_command("HSET", key, *words)
        broken += len(write.execute())
    return broken


def _in_parts(client: Client) -> Iterator[list[bytes]]:
    """Yield the keys, some hundreds at a time. They are gathered first: deleting would upset the scan."""
    keys = [key for key in client.scan_iter(count=500) if any(name in key for name in _ENTITIES)]
    for at in range(0, len(keys), _TOGETHER):
        yield keys[at : at + _TOGETHER]
