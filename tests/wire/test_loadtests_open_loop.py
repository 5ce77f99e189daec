"""The open loop and the proxy that holds replies, over real sockets to small servers."""

import io
import json
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadtests.answer import Contract, Verdict, grpc_judge
from loadtests.cases import Case
from loadtests.delay_proxy import LISTENING, DelayProxy
from loadtests.dialect import Dialect, Target, dialect
from loadtests.exchange import Exchange, Request, WireError
from loadtests.open_loop import Arrivals, offer
from loadtests.sampling import startup

SHORT = Arrivals(rate=400.0, seconds=0.5, warm_up=0.1, connections=4, grace=0.3)


class LineWire:
    """A protocol of lines: every call is one, every line that comes back ends the oldest call."""

    def __init__(self) -> None:
        self.leaving = False
        self._calls: list[Exchange] = []
        self._rest = b""

    def start(self, exchange: Exchange) -> bytes:
        self._calls.append(exchange)
        return exchange.request.body

    def receive(self, data: bytes) -> tuple[list[Exchange], bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(lines) > len(self._calls):
            raise WireError("an answer nobody asked for")
        done, self._calls = self._calls[: len(lines)], self._calls[len(lines) :]
        for exchange, line in zip(done, lines, strict=True):
            exchange.body = line
        return done, b""

    def abandon(self) -> list[Exchange]:
        calls, self._calls = self._calls, []
        return calls


LINES = Dialect(
    "lines", True, lambda case, _: Request(b"ask\n", ""), LineWire, lambda one: Verdict(one.broken or one.body.decode())
)


@contextmanager
def answering(answer: bytes, stalls_at: int = 10**9, stall: float = 0.0) -> Iterator[tuple[str, int]]:
    """Answer every line with `answer`; at the line `stalls_at` of a connection everything waits for a while."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for number, _ in enumerate(self.rfile):
                if number == stalls_at:
                    threading.Event().wait(stall)
                self.wfile.write(answer)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield "127.0.0.1", server.server_address[1]
        server.shutdown()


CALLS = [LINES.encode(Case({}, {}), "")]


def test_every_call_leaves_when_it_is_due_and_is_counted_once() -> None:
    with answering(b"\n") as address:
        report = offer(SHORT, LINES, address, CALLS)
    assert report.due == report.tally.good > 100
    assert not report.tally.faults
    assert sum(report.lag.counts) == report.due
    assert 0 < report.quantile(0.5) < 0.1
    assert 0 < report.busy <= 1.05


def test_a_stall_is_felt_by_every_call_that_was_due_during_it() -> None:
    # A closed loop would see one slow call a connection; independent callers go on calling into the stall.
    with answering(b"\n", stalls_at=40, stall=0.2) as address:
        report = offer(SHORT, LINES, address, CALLS)
    assert report.tally.latencies.above(50_000_000) > 10 * SHORT.connections


def test_faults_are_counted_by_kind_and_what_is_never_answered_too() -> None:
    with answering(b"refused\n") as address:
        report = offer(SHORT, LINES, address, CALLS)
    assert report.count("refused") == report.due
    with answering(b"") as address:
        report = offer(Arrivals(200.0, 0.2, 0.0, 2, 0.1), LINES, address, CALLS)
    assert report.tally.faults["unanswered"] == report.due


def test_an_open_loop_needs_many_calls_on_a_connection_and_somebody_who_answers() -> None:
    with pytest.raises(ValueError, match="cannot hold an open loop"):
        offer(SHORT, dialect("http", Target("localhost", 1)), ("localhost", 1), [])
    with pytest.raises(OSError, match="refused"):
        offer(SHORT, LINES, ("127.0.0.1", 1), CALLS)


def test_a_grpc_judge_knows_a_refusal() -> None:
    exchange = Exchange(Request(b"", ""), 0)
    exchange.trailers = {"grpc-status": "8", "grpc-message": "later"}
    assert grpc_judge(Contract())(exchange) == Verdict("grpc-status 8", "later")


def test_the_proxy_holds_every_reply_and_nothing_else() -> None:
    with answering(b"there\n") as address, socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = DelayProxy(listener, address, 0.03)
        with socket.create_connection(listener.getsockname()) as caller:
            begun = time.perf_counter()
            caller.sendall(b"ask\n")
            caller.setblocking(False)
            reply = b""
            while not reply and time.perf_counter() < begun + 5:
                proxy.turn(0.01)
                try:
                    reply = caller.recv(100)
                except BlockingIOError:
                    continue
            took = time.perf_counter() - begun
        proxy.turn(0.01)
        proxy.close()
    assert reply == b"there\n"
    assert took >= 0.03
    assert proxy.held_for.quantile(0.5) >= 0.03
    assert sum(proxy.held_for.counts) == 1


def test_the_proxy_as_a_program_says_when_it_listens_and_what_it_held() -> None:
    with answering(b"there\n") as (host, port), socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
        taken.close()
        words = ["--listen", f"127.0.0.1:{free}", "--to", f"{host}:{port}", "--delay-us", "1000"]
        command = [sys.executable, "-m", "loadtests.delay_proxy", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == LISTENING + "\n"
            with socket.create_connection(("127.0.0.1", free)) as caller, caller.makefile("rwb") as file:
                for _ in range(3):
                    file.write(b"ask\n")
                    file.flush()
                    assert file.readline() == b"there\n"
            process.send_signal(signal.SIGTERM)
            held = json.loads(process.stdout.read())
    assert held["replies"] == 3
    assert held["p50"] >= 0.001


def test_the_proxy_as_a_program_is_told_by_signals_how_long_it_holds() -> None:
    with answering(b"there\n") as (host, port), socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
        taken.close()
        words = ["--listen", f"127.0.0.1:{free}", "--to", f"{host}:{port}", "--delay-us", "1000"]
        command = [sys.executable, "-m", "loadtests.delay_proxy", *words, "--slower-us", "200000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == LISTENING + "\n"
            with socket.create_connection(("127.0.0.1", free)) as caller, caller.makefile("rwb") as file:

                def took() -> float:
                    begun = time.perf_counter()
                    file.write(b"ask\n")
                    file.flush()
                    assert file.readline() == b"there\n"
                    return time.perf_counter() - begun

                end = time.monotonic() + 20
                process.send_signal(signal.SIGUSR1)
                while took() < 0.2:
                    assert time.monotonic() < end
                process.send_signal(signal.SIGUSR2)
                while took() >= 0.2:
                    assert time.monotonic() < end
            process.kill()


SPINS = """
import sys, time
def spin():
    end = time.monotonic() + 20
    while time.monotonic() < end: pass
print("up", flush=True)
spin()
"""


def test_the_sampler_meets_a_worker_where_it_works(tmp_path: Path) -> None:
    package = tmp_path / "gateway"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "worker.py").write_text(SPINS)
    samples = tmp_path / "samples.json"
    variables = {"PYTHONPATH": str(Path(startup.__file__).parent), "SLUICE_SAMPLES": str(samples)}
    command = [sys.executable, "-m", "gateway.worker"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=variables, cwd=tmp_path) as process:
        assert isinstance(process.stdout, io.BufferedReader)
        process.stdout.readline()
        met = 0
        while met < 20 and process.poll() is None:
            samples.unlink(missing_ok=True)
            process.send_signal(signal.SIGUSR2)
            while not samples.exists() and process.poll() is None:
                pass
            found = json.loads(samples.read_text())
            met += sum(count for ours, _, count in found if ours.endswith("gateway/worker.py:spin"))
        process.kill()
    assert met >= 20
