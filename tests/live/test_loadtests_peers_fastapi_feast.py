"""The hand-written service, the one peer that this environment can run: asked by our generator, every answer right."""

from pathlib import Path

from gateway.testing.redis_server import RedisServer
from loadtests.generator import Load, generate
from loadtests.peers.catalogue import PEERS
from loadtests.peers.harvest import harvest
from loadtests.peers.peer import serve
from loadtests.peers.plain_json import by_hand


def test_every_answer_of_the_hand_written_service_is_the_models_own(filled_redis: RedisServer, tmp_path: Path) -> None:
    peer = next(peer for peer in PEERS if peer.name == "fastapi_feast")
    rows = harvest("key", filled_redis.url, 300)
    assert len({row.columns for row in rows.rows}) == 300
    assert {"approve", "decline"} <= set(rows.decisions)
    with serve(peer, None, tmp_path / "log", filled_redis.url) as processes:
        spoken = by_hand(processes.address, rows)
        calls = [spoken.encode(case, str(number)) for number, case in enumerate(rows.cases(whole_job=True))]
        report = generate(Load(4, 1, 0.0, 0.5), spoken, processes.address, calls)
    assert report.tally.good > 20
    assert report.tally.faults == {}
