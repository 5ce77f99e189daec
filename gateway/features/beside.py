"""Plain values that lie beside the features in the same Redis, read in the very write that asks for a list's features.

And the other way: a value is kept unless there is one, by a second write, which brings back what lies there then.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from types import MappingProxyType
from typing import Final, Protocol

from gateway.features.decode import Reply

Values = Mapping[bytes, bytes | None]
"""By key: what lies there, None for nothing. A key of which nobody knows is not among them."""

NO_VALUES: Final[Values] = MappingProxyType({})
REPLIES_TO_KEEP: Final = 2
"""Replies to each value that is to be kept."""


class ValueStore(Protocol):
    """Keeps small values for a time. What was kept is read by `FeatureReader.read`, with the features of a list."""

    async def keep(self, values: Mapping[bytes, bytes], ttl: float, timeout: float) -> Values:  # noqa: ASYNC109  # one `call_later` a list
        """Keep each value under its key for `ttl` seconds, unless there is one; return what lies there now.

        Never raises for trouble of the store: a key of which nobody knows within `timeout` seconds is not in the
        answer. Its value may have been kept all the same. Of several who keep at once all are told the same.
        """
        ...


def read_command(keys: Sequence[bytes]) -> bytes:
    """Return the command that reads all of them; it has one reply."""
    return _command(b"MGET", *keys)


def read_values(keys: Sequence[bytes], reply: Reply) -> Values:
    """Return what was read, from the reply to `read_command`."""
    if not isinstance(reply, list) or len(reply) != len(keys):
        return NO_VALUES
    return dict(zip(keys, reply, strict=True))


def keep_commands(values: Mapping[bytes, bytes], ttl: float) -> bytes:
    """Return the commands that keep them; each value has `REPLIES_TO_KEEP` replies.

    SET with NX and GET in one is understood from Redis 7 on only.
    """
    lasting = b"%d" % ceil(ttl * 1000)
    return b"".join(
        [_command(b"SET", key, value, b"NX", b"PX", lasting) + _command(b"GET", key) for key, value in values.items()]
    )


def kept_values(values: Mapping[bytes, bytes], replies: Sequence[object]) -> Values:
    """Return what lies there now, from the replies to `keep_commands`."""
    found = zip(values, replies[1::REPLIES_TO_KEEP], strict=False)
    return {key: reply for key, reply in found if isinstance(reply, bytes)}


def _command(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])
