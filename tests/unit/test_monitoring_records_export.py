"""Parquet: every record once, typed and by name, whole files or none."""

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring.records.block import Block, Shape, encode, identity
from monitoring.records.export import export_directory, export_file, main
from monitoring.records.frame import frame
from monitoring.records.reader import RecordsError
from monitoring.records.segment import SegmentDirectory, closed_segments
from tests.unit.sample_records import NOON, SECOND, SHAPE, block

NARROW = msgspec.structs.replace(SHAPE, arm="canary", version="2", model=("card_count",))
QUOTES = msgspec.structs.replace(SHAPE, deployment="quotes")


class Place:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._now = NOON

    def segment(self, *found: tuple[Block, Shape], close: bool = True) -> None:
        self._now += SECOND
        segment = SegmentDirectory(self.path, 1, lambda: self._now).open()
        for one, shape in found:
            encoded = encode(shape)
            one = msgspec.structs.replace(one, shape=identity(encoded))
            segment.append(frame(encoded, segment.salt) + frame(encode(one), segment.salt))
        if close:
            segment.close()
        else:
            self.open = segment


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "records")


def test_one_row_a_record_with_typed_columns(place: Place, tmp_path: Path) -> None:
    sent = {"amount": 3, "customer_present": False, "time": "2026-01-01T00:00:00+00:00", "card_limit": 4}
    odd = block(["a", "b"], request=[{"amount": 0.5, "customer_present": True}, sent], odd={1: bytes([1, 4, 3])})
    place.segment((odd, SHAPE))
    out = tmp_path / "fraud.parquet"
    assert export_file(place.path, out, "") == 2
    table = pq.read_table(out)
    assert table.schema.field("time").type == pa.timestamp("ns", tz="UTC")
    assert table.schema.field("entity.card_id").type == pa.int64()
    assert table.schema.field("model.amount").type == pa.float32()
    assert table["request_id"].to_pylist() == ["a", "b"]
    assert table["slot"].to_pylist() == [1, 1]
    assert table["request.amount"].to_pylist() == [0.5, 3.0]
    assert table["request.customer_present"].to_pylist() == [True, False]
    assert table["request.time"].to_pylist() == [None, 1_767_225_600.0]
    assert table["overrides"].to_pylist() == [[], [("card_limit", 4.0)]]
    assert table["stored.card_limit"].to_pylist() == [1.0, 4.0]
    assert table["not_fresh"].to_pylist() == [[], [("card_limit", "stale"), ("store_count", "missing")]]
    assert table["output.score"].to_pylist() == [0.0, 0.1]
    assert table["event_time.card_history"].to_pylist()[0].timestamp() == 1_700_000_000.5
    assert table["event_time.store_history"].to_pylist() == [None, None]
    model = np.array([table["model.amount"].to_numpy(), table["model.card_count"].to_numpy()]).T
    assert np.ascontiguousarray(model).tobytes() == odd.model


def test_bundles_with_other_features_and_failures_share_a_table(place: Place, tmp_path: Path) -> None:
    narrow = block(["b"], NARROW, decisions=[""], outputs=[{}], errors={0: ("PREDICTION_FAILED", "nan")})
    place.segment((block(["a"]), SHAPE))
    place.segment((narrow, NARROW))
    out = tmp_path / "fraud.parquet"
    assert export_file(place.path, out, "fraud") == 2
    table = pq.read_table(out)
    assert table["arm"].to_pylist() == ["champion", "canary"]
    assert table["model.amount"].to_pylist() == [0.0, None]
    assert table["output.score"].to_pylist() == [0.0, None]
    assert table["code"].to_pylist() == ["OK", "PREDICTION_FAILED"]


def test_one_file_is_of_one_deployment(place: Place, tmp_path: Path) -> None:
    place.segment((block(["a"]), SHAPE), (block(["b"]), QUOTES))
    out = tmp_path / "all.parquet"
    with pytest.raises(RecordsError, match=r"fraud and quotes.*--deployment"):
        export_file(place.path, out, "")
    assert not out.exists()
    assert export_file(place.path, out, "quotes") == 1
    assert pq.read_table(out)["deployment"].to_pylist() == ["quotes"]
    assert not list(tmp_path.glob("*.new"))


def test_a_directory_grows_by_what_is_new_and_closed(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "out"
    place.segment((block(["a"]), SHAPE), (block(["b"]), QUOTES))
    place.segment((block(["c"]), SHAPE), close=False)
    assert export_directory(place.path, out, "") == 2
    assert export_directory(place.path, out, "") == 0
    place.open.close()
    assert export_directory(place.path, out, "") == 1
    assert pq.read_table(out / "fraud")["request_id"].to_pylist() == ["a", "c"]
    assert pq.read_table(out / "quotes")["request_id"].to_pylist() == ["b"]
    first = closed_segments(place.path)[0]
    first.unlink()  # it went, to keep the bound: what was exported stays
    assert export_directory(place.path, out, "") == 0
    assert pq.read_table(out / "fraud")["request_id"].to_pylist() == ["a", "c"]
    assert [mark.name for mark in (out / "_exported" / "all").iterdir()] == [closed_segments(place.path)[0].stem]


def test_how_it_ends(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert main([str(place.path), out]) == 2
    assert capsys.readouterr().err.startswith(f"sluice: {place.path}: no decision records here")
    place.segment((block(["a"]), SHAPE))
    assert main([str(place.path), out]) == 0
    assert capsys.readouterr().out == f"1 records written to {out}\n"
    assert main([str(place.path), out]) == 1
    assert "nothing new" in capsys.readouterr().err
