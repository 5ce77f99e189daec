"""What is done to Redis beside taking it away: slowed by a proxy, filled again by Feast, made to rewrite its file."""

import subprocess
import sys
import threading

from loadtests.faults.redis_process import RedisProcess
from loadtests.serving import ServingError

_STAMP = "sluice:materialised"


class Materialising:
    """`models.pipeline materialise`, told that the store is empty."""

    def __init__(self, redis: RedisProcess) -> None:
        self._redis = redis

    def begin(self) -> None:
        with self._redis.client() as client:
            client.delete(_STAMP)
        command = [sys.executable, "-m", "models.pipeline", "materialise", "--redis", self._redis.url]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end(self) -> None:
        said, _ = self._process.communicate(timeout=120.0)
        if self._process.returncode:
            raise ServingError(f"the store was not filled: {said[-300:]}")


class _Repeating:
    """Does one thing to Redis again and again, in a thread."""

    def __init__(self, redis: RedisProcess) -> None:
        self._redis = redis
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="redis writer", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join(30.0)

    def _repeat(self) -> None:
        raise NotImplementedError


class Rewriting(_Repeating):
    """Writes thousands of hashes anew, as they are, as fast as one connection can."""

    def _repeat(self) -> None:
        with self._redis.client() as client:
            while not self._over.is_set():
                keys = [client.randomkey() for _ in range(50)]
                for key in (key for key in keys if key and client.type(key) == b"hash"):
                    fields = client.hgetall(key)
                    pipe = client.pipeline(transaction=False)
                    for _ in range(100):
                        pipe.execute_command("HSET", key, *(part for pair in fields.items() for part in pair))
                    pipe.execute()


class AofRewriting(_Repeating):
    """Switches the append-only file on and has it rewritten whenever the last rewrite is over."""

    rewrites = 0

    def _repeat(self) -> None:
        with self._redis.client() as client:
            client.config_set("appendonly", "yes")
            while not self._over.wait(0.05):
                if not client.info("persistence")["aof_rewrite_in_progress"]:
                    client.bgrewriteaof()
                    self.rewrites += 1
