"""The limits that every front sets before a call reaches the line."""

import resource
from dataclasses import dataclass

_OWN_FILES = 64


@dataclass(frozen=True, slots=True)
class FrontLimits:
    max_body_bytes: int = 1 << 20
    """The longest protobuf message or JSON body."""

    max_rows: int = 256
    """The most rows of one PredictMany."""

    max_request_id_bytes: int = 128
    """The longest request id; it is echoed in a header."""

    max_unit_bytes: int = 256
    """The longest unit, in UTF-8."""

    max_head_bytes: int = 1 << 15
    """The longest head of a request: its line and all its headers."""

    max_connections: int = 10_000
    """The most connections of one worker, or fewer where it may not open so many files."""

    max_streams: int = 128
    """The most calls that one HTTP/2 connection may have in flight: half of what the worker may have in hand."""

    max_calls: int = 256
    """The most calls that one worker has in hand, from head to answer.

    The fast server turns further ones away unread, which costs a fifth of a refusal of ours: what a worker has not even
    the time to refuse must not queue up before it. uvicorn and grpc.aio have no such limit.
    """

    max_open_streams: int = 64
    """The most streams (health's Watch, reflection) that one worker keeps open; they count as calls in hand."""

    max_unfinished_calls: int = 128
    """The most calls of one worker of which the body is waited for; beyond that the oldest is given up."""

    max_unfinished_bytes: int = 64 << 20
    """The most that one worker holds of bodies that are not yet whole, all callers together."""

    stall_seconds: float = 15.0
    """How long a caller may keep the gateway waiting for a head, for the whole of a body, or for a reader."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0")

    @property
    def connections(self) -> int:
        """`max_connections`, or what the system's limit of open files leaves of it.

        A worker that runs out of files refuses by accident: Redis, metrics and bundles then fail beside the callers.
        """
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return self.max_connections if files == resource.RLIM_INFINITY else _within(files, self.max_connections)


def _within(files: int, wanted: int) -> int:
    return max(1, min(wanted, files - _OWN_FILES, files * 3 // 4))
