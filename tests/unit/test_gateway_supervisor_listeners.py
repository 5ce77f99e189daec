"""Listening sockets: a taken port is one clear line, and reserving shares only among our own."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config import ServeConfig
from gateway.supervisor.listeners import PortTaken, check_free, open_listeners


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def config() -> ServeConfig:
    place = Path("/nowhere")
    return ServeConfig(place, place, place, grpc_port=free_port(), http_port=free_port())


@pytest.mark.parametrize("front", ["h2corn", "conservative"])
def test_a_second_start_on_taken_ports_says_so(config: ServeConfig, front: str) -> None:
    config = replace(config, front=front)  # type: ignore[arg-type]
    listeners = open_listeners(config)
    try:
        with pytest.raises(PortTaken, match=r"is taken on 127\.0\.0\.1.*--(grpc|http)-port"):
            open_listeners(config)
    finally:
        listeners.close()
    open_listeners(config).close()


def test_a_port_that_somebody_shares_is_taken_all_the_same(config: ServeConfig) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", config.grpc_port))
        other.listen()
        with pytest.raises(PortTaken, match="gRPC"):
            open_listeners(replace(config, front="conservative"))


def test_connections_that_linger_do_not_take_a_port(config: ServeConfig) -> None:
    listeners = open_listeners(config)
    with socket.create_connection(("127.0.0.1", config.grpc_port)):
        listeners.grpc.setblocking(True)
        listeners.grpc.accept()[0].close()  # who closes first keeps the address for a while (TIME_WAIT)
    listeners.close()
    open_listeners(replace(config, front="conservative")).close()


def test_a_taken_http_port_gives_the_grpc_port_back(config: ServeConfig) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", config.http_port))
        other.listen()
        with pytest.raises(PortTaken, match="HTTP"):
            open_listeners(config)
    check_free("127.0.0.1", config.grpc_port, "gRPC")


def test_an_address_that_is_not_ours(config: ServeConfig) -> None:
    with pytest.raises(PortTaken, match=r"cannot listen on 192\.0\.2\.1"):
        open_listeners(replace(config, host="192.0.2.1"))
