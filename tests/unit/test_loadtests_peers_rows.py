"""The rows that peers are asked: kept only as long as what they were made from stays the same."""

from pathlib import Path

import msgspec
import pytest

from loadtests.cases import Case
from loadtests.peers import rows as module
from loadtests.peers.rows import FEWEST, Row, Rows, RowsError, rows_from


def made(key: str, count: int) -> Rows:
    case = Case({"card_id": 7}, {"amount": 1.0})
    return Rows(key, ("amount",), tuple(Row(case, (float(number),), 0.5, "review") for number in range(count)))


def kept(tmp_path: Path, rows: Rows) -> Path:
    path = tmp_path / "rows.json"
    path.write_bytes(msgspec.json.encode(rows))
    return path


def test_kept_rows_are_used_while_their_key_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_key", lambda _: "same")
    rows = made("same", FEWEST)
    assert rows_from("redis://nowhere", kept(tmp_path, rows)) == rows


def test_too_few_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_key", lambda _: "same")
    with pytest.raises(RowsError, match="fewer than 2,000 rows"):
        rows_from("redis://nowhere", kept(tmp_path, made("same", FEWEST - 1)))


def test_without_a_redis_the_message_says_what_to_do() -> None:
    with pytest.raises(RowsError, match="`make up`"):
        rows_from("redis://127.0.0.1:1")


def test_a_row_is_asked_whole_or_as_the_models_columns() -> None:
    rows = made("key", 2)
    assert rows.cases(whole_job=True)[1] == Case({"card_id": 7}, {"amount": 1.0})
    assert rows.cases(whole_job=False)[1] == Case({}, {"amount": 1.0})
    assert (rows.scores, rows.decisions) == ([0.5, 0.5], ["review", "review"])
