"""A worker's hold on a model of Triton: a shared lock on a file, which ends with the process, however that ends.

Whoever lets go and then finds the file free was the last of this gateway: no supervisor has to count. A worker that
takes hold while the last one unloads waits until that is done, and loads the model again.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Hold:
    """Taken when it is made, which blocks as long as somebody unloads. Raises `OSError`."""

    def __init__(self, directory: Path, model: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._file = os.open(directory / model, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    @contextmanager
    def let_go(self) -> Iterator[bool]:
        """Let go; True: nobody else holds it, nor can anybody take hold, until the block ends."""
        try:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(self._file)
