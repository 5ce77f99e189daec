"""Ports for a peer: those on which something listens are passed over."""

import socket

from loadtests.peers.ports import accepts, answers_ok, free_ports


def test_a_taken_port_is_passed_over() -> None:
    first = free_ports().asked
    with socket.create_server(("127.0.0.1", first)):
        assert accepts(first)
        assert first not in free_ports()
    assert len(set(free_ports())) == 3


def test_where_nobody_listens_nothing_answers() -> None:
    port = free_ports().asked
    assert not accepts(port)
    assert not answers_ok(port, "/health")
