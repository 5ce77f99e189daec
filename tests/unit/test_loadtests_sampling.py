"""From samples, threads and counts to a bar: what is whose, and that it adds up to the time there was."""

from pathlib import Path

import pytest

from loadtests.bench.measures.list_time import metric
from loadtests.sampling.picture import Watched, bar
from loadtests.sampling.stages import (
    ADMIT,
    DECODE,
    ENCODE,
    FEATURES,
    IDLE,
    LINE,
    LOOP,
    OTHER,
    RECEIVE,
    RECORD,
    RUN,
    SERVER,
    Sample,
    busiest,
    shares,
    stage_of,
)
from loadtests.sampling.threads import Spent, since, threads_of


@pytest.mark.parametrize(
    ("ours", "leaf", "stage"),
    [
        ("/x/gateway/fronts/grpc_messages.py:parse", "", DECODE),
        ("/x/gateway/fronts/grpc_messages.py:predict_response", "", ENCODE),
        ("/x/gateway/fronts/grpc_asgi.py:GrpcOverAsgi._answer", "", RECEIVE),
        ("/x/gateway/admission.py:Entrance.take", "", ADMIT),
        ("/x/gateway/features/decode.py:decode_rows", "/lib/numpy/core.py:frombuffer", FEATURES),
        ("/x/gateway/backends/onnx.py:OnnxBackend.run", "/lib/onnxruntime/session.py:Session.run", RUN),
        ("/x/gateway/line.py:Line.serve", "", LINE),
        ("/x/gateway/line.py:Line._record", "", RECORD),
        ("/x/gateway/line.py:Line.serve", "/x/monitoring/series.py:Histogram.observe", RECORD),
        ("/x/gateway/line.py:Line._route", "/x/routing/split.py:bucket_of", LINE),
        ("/x/gateway/worker.py:main", "/lib/asyncio/runners.py:Runner.run", LOOP),
        ("", "/lib/asyncio/base_events.py:run", LOOP),
        ("/x/gateway/never_heard_of.py:it", "", OTHER),
    ],
)
def test_every_sample_has_a_stage(ours: str, leaf: str, stage: str) -> None:
    assert stage_of(Sample(ours, leaf, 1)) == stage


def test_a_bar_adds_up_to_all_the_time_there_was() -> None:
    samples = [
        Sample("/x/gateway/backends/onnx.py:run", "/x/gateway/backends/onnx.py:run", 300),
        Sample("/x/gateway/line.py:Line.serve", "/x/gateway/line.py:Line.serve", 100),
        Sample("/x/gateway/worker.py:main", "/lib/runners.py:run", 600),
    ]
    # Ten seconds: the main thread ran for 6 and waited 2 for the core, while others of the process ran for 2.
    drawn = bar(16, Watched(10.0, Spent(6.0, 2.0), 2.0, rows=1000.0, lists=100.0, samples=samples))
    assert (drawn.rows_per_list, drawn.rows_per_second) == (10.0, 100.0)
    assert drawn.microseconds == pytest.approx(
        {SERVER: 2000.0, RUN: 2250.0, LINE: 750.0, LOOP: 3000.0, IDLE: 2000.0}, rel=1e-9
    )
    assert sum(drawn.microseconds.values()) == pytest.approx(10_000.0)
    assert drawn.functions[0] == (RUN, "gateway/backends/onnx.py:run", pytest.approx(2250.0))


def test_nothing_served_is_no_bar() -> None:
    with pytest.raises(ValueError, match="no row was served"):
        bar(1, Watched(1.0, Spent(0.1, 0.0), 0.0, 0.0, 0.0, [Sample("", "", 1)]))


def test_shares_and_functions() -> None:
    samples = [
        Sample("/x/gateway/lane.py:a", "/y/b.py:c", 3),
        Sample("/x/gateway/lane.py:d", "/x/gateway/lane.py:d", 1),
    ]
    assert shares(samples) == {"decide": 1.0}
    assert shares([]) == {}
    assert busiest(samples, 1) == [("decide", "gateway/lane.py:a → b.py:c", 0.75)]


def test_threads_are_read_with_what_they_ran_and_waited(tmp_path: Path) -> None:
    task = tmp_path / "5/task/7"
    task.mkdir(parents=True)
    (task / "schedstat").write_text("3000000000 500000000 12\n")
    assert threads_of(5, tmp_path) == {7: Spent(3.0, 0.5)}
    assert since({7: Spent(1.0, 0.5)}, {7: Spent(3.0, 0.5), 8: Spent(1.0, 0.0)}) == {
        7: Spent(2.0, 0.0),
        8: Spent(1.0, 0.0),
    }


def test_a_metric_is_added_up_over_its_series() -> None:
    text = 'rows_sum{deployment="a"} 3.0\nrows_sum{deployment="b"} 4.0\nrows_sum_other 9\nrows_count 1\n'
    assert metric(text, "rows_sum") == 7.0
    assert metric(text, "rows_count") == 1.0
