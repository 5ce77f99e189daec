"""What is done to the features that Feast has stored: keys that vanish, values of another type.

What is to be written is made ready beforehand, so that the deed itself is over in a moment.
"""

from collections.abc import Iterable
from typing import Any

Client = Any
"""A `redis.Redis`, whose own types know neither keys of bytes nor answers that are not awaited."""
Command = tuple[bytes | str, ...]

_TOGETHER = 200
_ENTITIES = (b"card_id", b"store_id")
_EVENT_TIME = b"_ts:"
_A_STRING = b"\x12\x01x"
"""A Feast value that holds the string `x`, whatever the feature's type is."""


def delete_every_second(client: Client) -> list[Command]:
    """Return what deletes every second hash of the entities that fraud asks for."""
    return [("UNLINK", key) for key in _keys(client)[::2]]


def break_types(client: Client) -> list[Command]:
    """Return what puts a string in the place of each of their stored values; event times stay."""
    keys = _keys(client)
    commands: list[Command] = []
    for key, names in zip(keys, _sent(client, [("HKEYS", key) for key in keys]), strict=True):
        words = [word for name in names if not name.startswith(_EVENT_TIME) for word in (name, _A_STRING)]
        commands.append(("HSET", key, *words))
    return commands


def play(client: Client, commands: Iterable[Command]) -> int:
    """Do it, some hundreds at a time; return how many commands there were."""
    return len(_sent(client, list(commands)))


def _sent(client: Client, commands: list[Command]) -> list[Any]:
    answers: list[Any] = []
    for at in range(0, len(commands), _TOGETHER):
        pipe = client.pipeline(transaction=False)
        for command in commands[at : at + _TOGETHER]:
            pipe.execute_command(*command)
        answers += pipe.execute()
    return answers


def _keys(client: Client) -> list[bytes]:
    return [key for key in client.scan_iter(count=5000) if any(name in key for name in _ENTITIES)]
