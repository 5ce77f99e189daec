"""The listening sockets, opened once by the supervisor and shared by all its workers."""

import errno
import socket
from dataclasses import dataclass

from gateway.config import ServeConfig

BACKLOG = 1024


class PortTaken(OSError):
    """Somebody already listens there; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Sockets for gRPC and HTTP. With the conservative front the gRPC socket only reserves the port: grpc.aio binds
    for itself, in every worker, by SO_REUSEPORT.
    """

    grpc: socket.socket
    http: socket.socket

    def close(self) -> None:
        """Let go of this process's copies. A socket listens until every worker has let go of its own, in its drain.

        Never `shutdown` them: that ends a listener for all processes at once, and a server that is interrupted in
        `accept` before it has begun to drain takes its calls with it.
        """
        for sock in (self.grpc, self.http):
            sock.close()


def open_listeners(config: ServeConfig) -> Listeners:
    """Open both sockets. Raises `PortTaken`."""
    if config.front == "conservative":
        _check_silent(config.host, config.grpc_port, "gRPC")
        grpc = _bind(config.host, config.grpc_port, "gRPC", share=True)
    else:
        grpc = listen_on(config.host, config.grpc_port, "gRPC")
    try:
        return Listeners(grpc, listen_on(config.host, config.http_port, "HTTP"))
    except PortTaken:
        grpc.close()
        raise


def check_free(host: str, port: int, what: str) -> None:
    """Raise `PortTaken` when somebody listens on the port."""
    _bind(host, port, what).close()


def _check_silent(host: str, port: int, what: str) -> None:
    """Raise `PortTaken` when somebody answers: a port that is shared on purpose can be bound all the same."""
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return
    raise _taken(host, port, what)


def _taken(host: str, port: int, what: str) -> PortTaken:
    return PortTaken(
        f"port {port} ({what}) is taken on {host}: is a gateway running already? "
        f"Stop it, or choose another with --{what.lower()}-port"
    )


def listen_on(host: str, port: int, what: str) -> socket.socket:
    """Return a socket that listens there. Raises `PortTaken`."""
    sock = _bind(host, port, what)
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def _bind(host: str, port: int, what: str, share: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, port))
    except OSError as exc:
        sock.close()
        if exc.errno == errno.EADDRINUSE:
            raise _taken(host, port, what) from exc
        raise PortTaken(f"cannot listen on {host}:{port} ({what}): {exc.strerror}") from exc
    return sock
