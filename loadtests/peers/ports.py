"""Free ports for a peer, and whether something answers on one."""

import http.client
import itertools
import socket
from typing import NamedTuple

from loadtests.peers.errors import PeerError

_RANGE = range(51100, 51200)


class Ports(NamedTuple):
    """The port that is asked, one for health or the other protocol, and one for metrics."""

    asked: int
    side: int
    metrics: int


class NoPortsError(PeerError):
    """The range of ports is used up."""


def free_ports() -> Ports:
    """Return three ports on which nothing listens; raises NoPortsError."""
    free = itertools.islice((port for port in _RANGE if _is_free(port)), 3)
    try:
        return Ports(*free)
    except TypeError as exc:
        raise NoPortsError(
            f"no three ports are free in {_RANGE.start}-{_RANGE.stop - 1}: stop what listens there"
        ) from exc


def answers_ok(port: int, path: str) -> bool:
    """Whether a GET of the path is answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def accepts(port: int) -> bool:
    """Whether a connection is accepted."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("::", port))
        except OSError:
            return False
    return True
