"""The bench and the single run as people start them, against a gateway that is a small program."""

import sys
from pathlib import Path

import msgspec
import pytest

from loadtests import __main__ as single
from loadtests.bench import __main__ as bench
from loadtests.serving import ServingError, Start, is_ready, started
from tests.free_ports import free_ports

# One prediction for ever over HTTP/1.1, a health page, and a child that calls itself redis-server.
PROGRAM = """
import ctypes, http.server, json, subprocess, sys
REDIS = "import ctypes, time; ctypes.CDLL(None).prctl(15, b'redis-server', 0, 0, 0); print(flush=True); time.sleep(60)"
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self): self.answer({})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        prediction = {"outputs": {"score": float(sys.argv[2])}, "decision": "a", "arm": "canary", "bundle_version": "c"}
        self.answer({"request_id": asked.get("request_id", "x"), "prediction": prediction})
    def answer(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
redis = subprocess.Popen([sys.executable, "-c", REDIS], stdout=subprocess.PIPE)
redis.stdout.readline()
try:
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
finally:
    redis.kill()
"""


@pytest.fixture
def port() -> int:
    """One that the kernel gives to no connection of its own accord: the second round takes another one, above it."""
    return free_ports(1)[0]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text("import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + PROGRAM)
    return path


@pytest.fixture
def requests_file(tmp_path: Path) -> Path:
    path = tmp_path / "requests.jsonl"
    cases = [{"entities": {"card_id": number}, "features": {}, "unit": ""} for number in range(50)]
    path.write_bytes(b"\n".join(map(msgspec.json.encode, cases)))
    return path


def words(program: Path, requests_file: Path, port: int, score: float) -> list[str]:
    """Play one question's rounds against the program; the bench takes the three ports after the base port."""
    return [
        *("--serve", f"{sys.executable} {program} {{http_port}} {score}", "--only", "http-16"),
        *("--redis", "redis://127.0.0.1:1", "--base-port", str(port - 4), "--requests", str(requests_file)),
        *("--fewest-requests", "50", "--warm-up", "0.05", "--seconds", "0.2", "--rounds", "2", "--unpinned"),
        *("--patience", "20", "--no-cross-check", "--out", str(program.parent / "out")),
    ]


def test_the_bench_starts_measures_and_stops_a_gateway(
    program: Path, requests_file: Path, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(words(program, requests_file, port, 0.5)) == 0
    assert "| HTTP/1.1 JSON, 16 connections (h2corn) | 13,000 calls/s |" in capsys.readouterr().out
    (path,) = (program.parent / "out").glob("*/bench.json")
    (finding,) = msgspec.json.decode(path.read_bytes())["findings"]
    assert len(finding["rounds"]) == len(finding["details"]["rounds"]) == 2
    assert set(finding["details"]["rounds"][0]["processor_seconds"]) == {"generator", "worker", "redis"}
    assert "| HTTP/1.1 JSON | h2corn | **" in path.with_suffix(".md").read_text()
    assert not is_ready(("127.0.0.1", port))


def test_the_bench_shows_no_rate_for_wrong_answers(
    program: Path, requests_file: Path, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(words(program, requests_file, port, 7.0)) == 1
    printed = capsys.readouterr().out
    assert "| HTTP/1.1 JSON | h2corn | no rate |" in printed
    assert "| **–** | no value |" in printed
    assert "× score outside its contract (such as: score = 7.0)" in printed


def test_a_gateway_that_does_not_start_costs_its_own_row_and_is_explained(
    program: Path, requests_file: Path, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = words(program, requests_file, port, 0.5)
    arguments[1] = f"{sys.executable} -c raise"
    assert bench.main(arguments) == 1
    assert "calls broke off: the gateway ended before it was ready: RuntimeError" in capsys.readouterr().out


def test_impatience(tmp_path: Path, port: int) -> None:
    command = [sys.executable, "-c", "input()"]
    start = Start(command, ("127.0.0.1", port), None, tmp_path / "log", patience=0.0)
    with pytest.raises(ServingError, match="not ready within 0 s"), started(start, lambda _: None):
        pytest.fail("it was never ready")


def test_a_single_run(program: Path, requests_file: Path, port: int, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, str(program), str(port), "0.5"]
    load = ["--requests", str(requests_file), "--fewest-requests", "50", "--seconds", "0.2", "--warm-up", "0"]
    with started(Start(command, ("127.0.0.1", port), None, program.parent / "log")) as processes:
        assert single.main(["http", f"127.0.0.1:{port}", *load, "--worker-pid", str(processes.worker[0])]) == 0
        assert bench.main(words(program, requests_file, port, 0.5)) == 1
    assert len(processes.redis) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("HTTP/1.1 JSON: ")
    assert "µs of processor a call: generator" in printed.out
    assert f"a gateway already answers on 127.0.0.1:{port}" in printed.out
    assert single.main(["http", f"127.0.0.1:{port}", *load]) == 2
    assert "no run: " in capsys.readouterr().err
