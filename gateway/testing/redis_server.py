"""A redis-server or a sentinel of one's own on a free port, for tests: it can be paused, killed and started again."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import IO

from gateway.embedded_redis import find_server
from gateway.processes import die_with_parent


class RedisServer:
    """A server without persistence, running from the moment it is made until `close`."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process = self._start()

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, with all that it held."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Start it again on the same port, empty."""
        self.kill()
        self._process = self._start()

    def close(self) -> None:
        """End it for good, paused or not."""
        self.kill()

    def _command(self) -> list[str]:
        settings = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        return [find_server(), *settings, *self._arguments]

    def _start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )
        ready = process.stdout is not None and _says_ready(process.stdout)
        if not ready:
            process.kill()
            process.wait()
            raise RuntimeError(f"redis-server did not start on port {self.port}")
        return process


class SentinelServer(RedisServer):
    """A sentinel that watches over one master alone, and is quick to replace it. Its file lies in `directory`."""

    def __init__(self, directory: Path, service: str, master: RedisServer) -> None:
        self._file = directory / "sentinel.conf"
        self._rules = [
            f"sentinel monitor {service} 127.0.0.1 {master.port} 1",
            f"sentinel down-after-milliseconds {service} 500",
            f"sentinel failover-timeout {service} 2000",
        ]
        super().__init__()

    def _command(self) -> list[str]:
        place = [f"port {self.port}", "bind 127.0.0.1", f"dir {self._file.parent}"]
        self._file.write_text("\n".join([*place, *self._rules, ""]))
        return [find_server(), str(self._file), "--sentinel"]


def _says_ready(output: IO[bytes]) -> bool:
    """Read the log up to that line, then close it: redis minds no closed log, but it would block on a full one."""
    with output:
        return any(b"eady to accept connections" in line or b"Sentinel ID is" in line for line in output)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
