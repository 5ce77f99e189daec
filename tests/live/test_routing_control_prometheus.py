"""PromQL guards against a real Prometheus that scrapes an exporter of ours, and that dies under them."""

import asyncio
import http.server
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.processes import die_with_parent
from routing.control.metric_sources import MetricSources
from routing.control.web import HttpWeb
from routing.rollout import Rollout, State
from routing.schedule import Stage, Step, schedule
from routing.sources import Query, Sources
from routing.verdict import Outcome, Verdict, passes
from tests.live.waiting import comes

SCHEDULE = schedule([Step(Stage.SHADOW, 0), Step(Stage.CANARY, 500)])
ROLLOUT = Rollout(
    "r1", "fraud", "1", "2", SCHEDULE, b"salt", "ada", 1, 0.0, 0.0, state=State.CANARY, at=1, settled=True
)  # fmt: skip
GOOD = passes("no harm was found")


class Exporter:
    """Says how many calls of each version failed, as it is told to."""

    def __init__(self) -> None:
        self.rate = {"1": 0.0, "2": 0.0}
        exporter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                lines = [f'failed_share{{version="{name}"}} {rate}' for name, rate in exporter.rate.items()]
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write("\n".join([*lines, ""]).encode())

            def log_message(self, format: str, *args: object) -> None:  # its name in the base class
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Prometheus:
    """Debian's, on a port and a directory of its own, scraping every fifth of a second."""

    def __init__(self, program: str, directory: Path, target: int) -> None:
        scrape = {"job_name": "exporter", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
        settings = {"global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"}, "scrape_configs": [scrape]}
        (directory / "prometheus.yml").write_text(json.dumps(settings))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{address}"
        self._process = subprocess.Popen(
            [
                program,
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={address}",
                "--log.level=error",
            ],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    made = Exporter()
    yield made
    made.close()


@pytest.fixture
def prometheus(exporter: Exporter, tmp_path: Path) -> Iterator[Prometheus]:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("there is no Prometheus here: apt-get install prometheus")
    made = Prometheus(program, tmp_path, exporter.port)
    yield made
    made.kill()


@pytest.fixture
async def asker() -> AsyncIterator[MetricSources]:
    web = HttpWeb()
    made = MetricSources(web, time.time)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await web.close()


def declared(prometheus: Prometheus, **changes: float) -> Sources:
    query = Query("failures", every=1.0, promql='sum(failed_share{version="{candidate}"})', above=0.02)
    return Sources((replace(query, **changes),), prometheus=prometheus.url)


async def test_a_breach_in_a_real_prometheus_is_a_fail_and_its_death_is_none(
    prometheus: Prometheus, exporter: Exporter, asker: MetricSources
) -> None:
    sources = declared(prometheus)

    def ask() -> Verdict:
        return asker.weigh(ROLLOUT, sources, GOOD)

    exporter.rate["1"] = 0.9
    assert ask().outcome is Outcome.CANNOT_TELL
    await comes(ask, lambda verdict: verdict == GOOD)
    exporter.rate["2"] = 0.25
    verdict = await comes(ask, lambda verdict: verdict.outcome is Outcome.FAIL)
    assert (verdict.guard, verdict.numbers) == ("failures", {"value": 0.25})
    prometheus.kill()
    verdict = await comes(ask, lambda verdict: verdict.outcome is not Outcome.FAIL)
    assert verdict.outcome is Outcome.CANNOT_TELL
    assert verdict.reason.startswith("failures: it cannot be reached")


async def test_a_breach_has_to_last(prometheus: Prometheus, exporter: Exporter, asker: MetricSources) -> None:
    sources = declared(prometheus, lasts=3.0)
    exporter.rate["2"] = 0.25

    def ask() -> Verdict:
        return asker.weigh(ROLLOUT, sources, GOOD)

    await comes(ask, lambda verdict: verdict.reason.startswith("failures: 0.25 > 0.02 for 0 of 3 s"))
    began = time.monotonic()
    await comes(ask, lambda verdict: verdict.outcome is Outcome.FAIL)
    assert time.monotonic() - began > 1.5, "three turns lie between the first breach and the fail"


async def test_a_target_that_died_and_a_query_that_is_wrong_are_no_fail(
    prometheus: Prometheus, exporter: Exporter, asker: MetricSources
) -> None:
    sources = Sources(
        (
            Query("nothing", every=1.0, promql="sum(no_such_metric)", above=0.0),
            Query("wrong", every=1.0, promql="sum(", above=0.0),
            Query("not_a_number", every=1.0, promql="vector(0) / vector(0)", above=0.0),
            Query("several", every=1.0, promql="failed_share", above=0.0),
        ),
        prometheus=prometheus.url,
    )

    def ask() -> Verdict:
        asker.weigh(ROLLOUT, sources, GOOD)
        return asker.verdicts("r1")["several"]

    await comes(ask, lambda verdict: verdict.reason == "several: it gave 2 series: sum them")
    await comes(lambda: asker.verdicts("r1")["wrong"], lambda verdict: "400" in verdict.reason)
    said = {name: verdict.reason for name, verdict in asker.verdicts("r1").items()}
    assert said["nothing"] == "nothing: the query gave nothing"
    assert said["not_a_number"] == "not_a_number: the query gave nan"
    assert said["wrong"].startswith("wrong: Prometheus answered 400: ")
    assert {verdict.outcome for verdict in asker.verdicts("r1").values()} == {Outcome.CANNOT_TELL}
