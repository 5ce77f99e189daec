"""A process of ours that runs while a block runs: one that ends is started anew, after longer and longer pauses."""

import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.processes import die_with_parent

FIRST_PAUSE, LONGEST_PAUSE, END_SECONDS = 0.5, 10.0, 10.0


class KeptProcess:
    """Keeps `command` running, its output in `log`."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._keeper = threading.Thread(target=self._keep, name="keep a process", daemon=True)

    def __enter__(self) -> Self:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._keeper.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with self._lock:
            self._ending.set()
            if self._process is not None:
                self._process.terminate()
        self._keeper.join(END_SECONDS)
        if self._process is not None and self._keeper.is_alive():
            self._process.kill()
            self._keeper.join()

    def _keep(self) -> None:
        pause = FIRST_PAUSE
        while True:
            with self._lock, self._log.open("ab") as log:
                if self._ending.is_set():
                    return
                # The kernel ties the child to this thread, which lives as long as it is kept.
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent
                )
            code = self._process.wait()
            if self._ending.wait(pause):
                return
            print(f"sluice: {self._command[3]} ended with {code}, starting it anew: see {self._log}", flush=True)
            pause = min(2 * pause, LONGEST_PAUSE)
