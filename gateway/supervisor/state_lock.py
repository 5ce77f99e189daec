"""One gateway per state directory: two would count into each other's metric files and share one Redis's data."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StateTaken(OSError):
    """Another gateway uses the state directory; the message says what to do."""


@contextmanager
def hold_state(directory: Path) -> Iterator[None]:
    """Hold the directory while the block runs; the kernel lets go of it with the process. Raises `StateTaken`."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise StateTaken(
                f"another gateway uses the state directory {directory}: stop it, or give this one its own with --state"
            ) from exc
        yield
