"""Decision records of real workers: readable after SIGKILL, whole after a drain, back when the disk has room again."""

import itertools
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.client import Prediction, SluiceClient, SluiceError
from gateway.testing.redis_server import RedisServer
from monitoring.records.reader import Tally, newest
from monitoring.records.record import Record
from monitoring.records.selection import Selection
from tests.live.running_gateway import ROOT, SLUICE, Running, start, stop
from tests.live.waiting import until

ENTITIES = {"card_id": 32261, "store_id": 8516}
FEATURES = {"amount": 24900, "customer_present": True}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Where fraud is declared as in this checkout, with a record of every call."""
    declared = (ROOT / "models" / "fraud" / "deployment.yaml").read_text()
    lines = [line for line in declared.splitlines() if not line.startswith("records:")]
    folder = tmp_path / "models" / "fraud"
    folder.mkdir(parents=True)
    (folder / "deployment.yaml").write_text("\n".join([*lines, "records: {share: 1.0}", ""]))
    return folder.parent


@pytest.fixture
def gateway(filled_redis: RedisServer, tmp_path: Path, models: Path) -> Iterator[Running]:
    running = start(filled_redis, tmp_path / "state", "h2corn", "--workers", "1", "--models", str(models))
    yield running
    if running.process.poll() is None:
        assert stop(running) == 0


class Callers:
    """Ask in the background until stopped, under ids of their own; `answered` says when each was."""

    def __init__(self, gateway: Running, name: str, count: int = 4) -> None:
        self.answered: dict[str, float] = {}
        self.count = count
        self._gateway = gateway
        self._stopping = threading.Event()
        names = [f"{name}-{number}" for number in range(count)]
        self._threads = [threading.Thread(target=self._ask, args=(one,), daemon=True) for one in names]
        for thread in self._threads:
            thread.start()

    def _ask(self, name: str) -> None:
        number = 0
        with SluiceClient(self._gateway.grpc) as client:
            while not self._stopping.is_set():
                number += 1
                request_id = f"{name}-{number}"
                try:
                    client.predict("fraud", ENTITIES, FEATURES, timeout=5.0, request_id=request_id)
                except SluiceError:
                    continue  # its worker was killed
                self.answered[request_id] = time.monotonic()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()


def counted(gateway: Running, outcome: str) -> float:
    return gateway.metric("sluice_records_total", outcome=outcome)


def records(tmp_path: Path, twice: int = 0) -> tuple[dict[str, Record], Tally]:
    """Return the records by request id; so many ids may be there a second time, asked again after a worker died."""
    tally = Tally()
    found = newest(tmp_path / "state" / "records", Selection(), 1_000_000, tally)
    by_id = {record.request_id: record for record in found}
    assert 0 <= len(found) - len(by_id) <= twice, "each once"
    return by_id, tally


def test_a_killed_worker_costs_no_more_than_its_last_moment(gateway: Running, tmp_path: Path) -> None:
    callers = Callers(gateway, "first")
    until(lambda: len(callers.answered) > 300 and counted(gateway, "written") > 300)
    (worker,) = gateway.workers()
    killed = time.monotonic()
    os.kill(worker, signal.SIGKILL)
    until(lambda: sum(moment > killed for moment in list(callers.answered.values())) > 100)
    callers.stop()
    assert stop(gateway) == 0
    # The client asks again by itself where no gateway answered: what had been recorded is recorded twice.
    found, tally = records(tmp_path, twice=callers.count)
    missing = [moment for request_id, moment in callers.answered.items() if request_id not in found]
    assert all(killed - 5.0 < moment < killed + 0.5 for moment in missing)
    assert len(missing) < len(callers.answered) / 2
    assert (tally.damaged, tally.unknown, tally.opened, tally.segments) == (0, 0, 0, 2)
    assert tally.torn <= 1
    print(f"{len(callers.answered)} answered, {len(missing)} of them without a record, all just before the kill")


def test_a_drained_worker_leaves_nothing_out_and_says_what_it_answered(gateway: Running, tmp_path: Path) -> None:
    answers: dict[str, Prediction] = {}
    with SluiceClient(gateway.grpc) as client:
        for at in itertools.count():
            with suppress(SluiceError):  # refused: the machine is busy
                entities = {**ENTITIES, "card_id": 32261 + at}
                answers[f"r{at}"] = client.predict("fraud", entities, FEATURES, timeout=5.0, request_id=f"r{at}")
            if len(answers) == 50:
                break
    assert stop(gateway) == 0
    found, tally = records(tmp_path)
    assert {request_id for request_id, record in found.items() if record.code == "OK"} == answers.keys()
    assert (tally.torn, tally.damaged) == (0, 0)
    for request_id, answer in answers.items():
        record = found[request_id]
        said = (record.arm, record.bundle_version, record.decision)
        assert said == (answer.arm, answer.bundle_version, answer.decision)
        assert record.outputs == answer.outputs
        assert record.model_row["amount"] == 24900.0
        assert record.entities == {"card_id": 32261 + int(request_id[1:]), "store_id": 8516}
    place = ["--records", str(tmp_path / "state" / "records")]
    shown = subprocess.run([*SLUICE, "records", *place, "--limit", "5"], cwd=ROOT, capture_output=True, text=True)
    assert [line.split()[3] for line in shown.stdout.splitlines()[1:]] == list(found)[-5:]


def test_a_full_disk_costs_records_and_no_answers_and_room_brings_them_back(gateway: Running, tmp_path: Path) -> None:
    callers = Callers(gateway, "call")
    until(lambda: counted(gateway, "written") > 50)
    (worker,) = gateway.workers()
    _, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (0, hard))  # from now on no file of this process may grow
    until(lambda: counted(gateway, "failed") > 50)
    assert gateway.workers() == [worker]
    before = len(callers.answered)
    until(lambda: len(callers.answered) > before + 50)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (hard, hard))
    written = counted(gateway, "written")
    until(lambda: counted(gateway, "written") > written + 50)
    callers.stop()
    assert stop(gateway) == 0
    found, tally = records(tmp_path)
    missing = callers.answered.keys() - found.keys()
    assert len(missing) <= sum(tally.failed.values()), "the records themselves say how much is missing"
    assert (tally.damaged, tally.torn) == (0, 0)
    said = gateway.output()
    assert said.count("make room in") == 1
    assert said.count("written again") == 1
