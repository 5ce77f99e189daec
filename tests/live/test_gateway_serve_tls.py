"""`sluice serve` over mutual TLS, for real: what it prints can be pasted, and a renewed certificate is taken up."""

import json
import os
import shlex
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.testing.redis_server import RedisServer
from loadtests.certificate import Pair, make_pair
from tests.live.running_gateway import ROOT, SLUICE, Running, start, stop


@dataclass
class Secured:
    """A gateway behind mutual TLS, and the papers that it and its caller show."""

    running: Running
    authority: Pair
    caller: Pair
    folder: Path

    def call(self, beginning: str) -> str:
        """Return the printed command that begins so, with the caller's own files in their places."""
        (line,) = (line for line in self.running.said.replace("\\\n", "").splitlines() if beginning in line)
        return line.replace("YOURS.pem", str(self.caller.certificate)).replace("YOURS.key", str(self.caller.key))


@pytest.fixture(scope="module", params=["h2corn", "conservative"])
def secured(
    request: pytest.FixtureRequest, filled_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    authority = make_pair(folder, "ca-")
    own, caller = (make_pair(folder, f"{name}-", authority) for name in ("own", "caller"))
    flags = ["--tls-cert", own.certificate, "--tls-key", own.key, "--tls-client-ca", authority.certificate]
    running = start(filled_redis, folder / "state", request.param, "--workers", "1", *map(str, flags))
    yield Secured(running, authority, caller, folder)
    assert stop(running) == 0


def test_the_printed_call_over_grpc(secured: Secured) -> None:
    _, *words = shlex.split(secured.call("predict fraud"))
    result = subprocess.run([*SLUICE, *words], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["decision"] == "approve"


def test_the_printed_call_over_http(secured: Secured) -> None:
    words = shlex.split(secured.call("curl"))
    (url,) = (word for word in words if word.startswith("https://"))
    context = ssl.create_default_context(cafile=words[words.index("--cacert") + 1])
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN  # as curl does by itself
    context.load_cert_chain(words[words.index("--cert") + 1], words[words.index("--key") + 1])
    answer = httpx.post(
        url, content=words[words.index("-d") + 1], headers={"content-type": "application/json"}, verify=context
    )
    assert answer.json()["prediction"]["decision"] == "approve"


def test_a_caller_without_papers_is_told(secured: Secured) -> None:
    words = ["predict", "fraud", "--address", secured.running.grpc, "card_id=1"]
    without = subprocess.run([*SLUICE, *words], cwd=ROOT, capture_output=True, text=True)
    assert without.returncode == 1
    assert without.stderr.endswith("if the gateway speaks TLS, give --tls-ca FILE\n")


def test_metrics_stay_in_clear_text(secured: Secured) -> None:
    assert secured.running.calls()


# `ssl` leaks its socket where the other side goes while it is being made, which is what happens here now and then.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
def test_a_worker_that_is_started_anew_shows_the_renewed_certificate(secured: Secured) -> None:
    host, port = secured.running.grpc.split(":")
    before = _shown_by(host, int(port))
    renewed = make_pair(secured.folder, "own-", secured.authority).certificate.read_text()
    (worker,) = secured.running.workers()
    os.kill(worker, signal.SIGTERM)
    shown, until = before, time.monotonic() + 90.0
    while shown == before and time.monotonic() < until:
        try:
            shown = _shown_by(host, int(port))
        except OSError:
            assert secured.running.process.poll() is None
    assert shown.split() == renewed.split()


def _shown_by(host: str, port: int) -> str:
    """Return the certificate that a server shows; `ssl.get_server_certificate` leaks its socket when it fails."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=10) as plain,
        context.wrap_socket(plain, do_handshake_on_connect=False) as secured,
    ):
        secured.do_handshake()
        return ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True) or b"")
